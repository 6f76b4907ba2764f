import { threadId as ownId } from 'node:worker_threads';
import type { ThreadFacts, ThreadReading } from '../../metrics/collectors/threads.ts';
import { asFields, type Fields, listIn, numberIn, stringIn } from './fields.ts';
import { harperHost } from './host.ts';
import { operate } from './in-process.ts';

/** The main thread answers, so a reading wakes it. */
export function harperThreads(): ThreadFacts {
	return { read: readThreads };
}

/** The ids of all threads that live now; known without asking, by the ports that Harper keeps to each of them. */
export function livingThreads(): ReadonlySet<number> {
	return new Set([MAIN_THREAD, ownId, ...harperHost().threads.map((port) => port.threadId ?? MAIN_THREAD)]);
}

const MAIN_THREAD = 0;

async function readThreads(): Promise<readonly ThreadReading[]> {
	// Narrow attributes: the whole operation spawns processes and takes a third of a second.
	const answer = asFields(await operate('system_information', { attributes: ['threads'] }));
	return listIn(answer, 'threads').flatMap(parseThread);
}

function parseThread(thread: Fields): ThreadReading[] {
	const id = numberIn(thread, 'threadId');
	// A thread that has just ended has the id -1.
	if (id === undefined || id < 0) return [];
	return [
		{
			id,
			name: stringIn(thread, 'name') ?? '',
			heapTotalBytes: numberIn(thread, 'heapTotal'),
			heapUsedBytes: numberIn(thread, 'heapUsed'),
			externalBytes: numberIn(thread, 'externalMemory'),
			arrayBufferBytes: numberIn(thread, 'arrayBuffers'),
			eventLoopUtilization: numberIn(thread, 'utilization'),
			reportAgeMs: numberIn(thread, 'sinceLastUpdate'),
		},
	];
}

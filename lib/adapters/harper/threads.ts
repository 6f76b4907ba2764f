import type { ThreadFacts, ThreadReading } from '../../metrics/collectors/threads.ts';
import { asFields, type Fields, listIn, numberIn, stringIn } from './fields.ts';
import { operate } from './in-process.ts';

/** Overlapping readings are one: two collectors ask in each scrape, and each answer comes from the main thread. */
export function harperThreads(): ThreadFacts {
	let inFlight: Promise<readonly ThreadReading[]> | undefined;
	return {
		read() {
			inFlight ??= readThreads().finally(() => {
				inFlight = undefined;
			});
			return inFlight;
		},
	};
}

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

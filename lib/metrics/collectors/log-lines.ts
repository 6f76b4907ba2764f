import type { Collector } from '../collector.ts';
import { type FamilyDefinition, samples, single } from '../family.ts';

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'notify'] as const;
type LogLevel = (typeof logLevels)[number];

/** A file of Harper's log as it is at one moment. */
export interface LogFile {
	/** Stays the same when the file is renamed; no other file has it while this one exists. */
	readonly id: string;
	readonly sizeBytes: number;
}

/** Harper's log, which is renamed when it grows too large and begun anew under the old name. */
export interface LogFiles {
	/** The file that Harper writes now; undefined while there is none. */
	current(): Promise<LogFile | undefined>;
	/** A file that was renamed; undefined once it is deleted or compressed. */
	rotated(id: string): Promise<LogFile | undefined>;
	/** Up to `length` bytes from `offset`; fewer at the end of the file, none if the file is gone meanwhile. */
	read(id: string, offset: number, length: number): Promise<Uint8Array>;
}

/** How far one file has been counted. */
interface LogPosition {
	readonly id: string;
	readonly offset: number;
	/** The offset stands within a line that is already counted, or that begins where nobody looked. */
	readonly withinLine: boolean;
	/** When another file was first seen in its place. */
	readonly replacedAt?: number;
}

/** What has been counted so far, and where to go on; plain data, to be kept where it survives restarts. */
export interface LogCount {
	readonly version: 1;
	/** Oldest first; the last one is the file that Harper was last seen to write. Empty before the first sight. */
	readonly files: readonly LogPosition[];
	readonly lines: Readonly<Record<LogLevel, number>>;
	readonly skippedBytes: number;
}

/** Read in one call at most, so that a burst does not hold up the thread; the rest waits for the next call. */
const BYTES_PER_CALL = 4 * 1024 * 1024;
const BYTES_PER_READ = 256 * 1024;
/** Further behind than this, the oldest bytes are given up, and the loss is shown. */
const MAX_BACKLOG_BYTES = 64 * 1024 * 1024;
/** Every thread keeps the renamed file open, and writes to it, for up to ten seconds. */
const ROTATION_GRACE_MS = 30_000;

export function initialLogCount(): LogCount {
	const lines = { trace: 0, debug: 0, info: 0, warn: 0, error: 0, fatal: 0, notify: 0 };
	return { version: 1, files: [], lines, skippedBytes: 0 };
}

/**
 * Counts what was written to the log since `state`. The first file ever seen is counted from its end: its past is not
 * news. A failed read rejects and `state` remains valid; calling again with it counts nothing twice.
 */
export async function advanceLogCount(state: LogCount, log: LogFiles, now: number): Promise<LogCount> {
	const current = await log.current();
	if (state.files.length === 0) {
		if (current === undefined) return state;
		return { ...state, files: [{ id: current.id, offset: current.sizeBytes, withinLine: false }] };
	}
	const count = { lines: { ...state.lines }, skippedBytes: state.skippedBytes };
	const files: LogPosition[] = [];
	let budget = BYTES_PER_CALL;
	for (const position of followed(state.files, current, now)) {
		const file = position.id === current?.id ? current : await log.rotated(position.id);
		if (file === undefined) continue;
		const start = skipBacklog(withinFile(position, file), file, count);
		const end = await countFrom(start, Math.min(budget, file.sizeBytes - start.offset), log, count);
		budget -= end.offset - start.offset;
		if (!isFinished(end, file, now)) files.push(end);
	}
	// Between two files there may be none for a moment; what is known is kept until a file shows itself.
	if (files.length === 0) return { ...state, ...count };
	return { version: 1, files, ...count };
}

/** The files to read, oldest first: a file that took the place of a known one is counted from its beginning. */
function followed(known: readonly LogPosition[], current: LogFile | undefined, now: number): readonly LogPosition[] {
	if (current === undefined) return known;
	const older = known
		.filter((position) => position.id !== current.id)
		.map((position) => ({ ...position, replacedAt: position.replacedAt ?? now }));
	const { replacedAt: _, ...position }: LogPosition = known.find(({ id }) => id === current.id) ?? {
		id: current.id,
		offset: 0,
		withinLine: false,
	};
	return [...older, position];
}

/** A file shorter than what was read of it was truncated, or is a new one in the place of a deleted one. */
function withinFile(position: LogPosition, file: LogFile): LogPosition {
	return file.sizeBytes < position.offset ? { ...position, offset: 0, withinLine: false } : position;
}

function skipBacklog(position: LogPosition, file: LogFile, count: { skippedBytes: number }): LogPosition {
	const excess = file.sizeBytes - position.offset - MAX_BACKLOG_BYTES;
	if (excess <= 0) return position;
	count.skippedBytes += excess;
	return { ...position, offset: position.offset + excess, withinLine: true };
}

async function countFrom(
	start: LogPosition,
	length: number,
	log: LogFiles,
	count: { lines: Record<LogLevel, number> }
): Promise<LogPosition> {
	let position = start;
	const end = start.offset + length;
	while (position.offset < end) {
		const wanted = Math.min(BYTES_PER_READ, end - position.offset);
		const chunk = await log.read(position.id, position.offset, wanted);
		const consumed = countLines(chunk, position.withinLine, count.lines);
		if (consumed.bytes === 0) break;
		position = { ...position, offset: position.offset + consumed.bytes, withinLine: consumed.withinLine };
	}
	return position;
}

function isFinished(position: LogPosition, file: LogFile, now: number): boolean {
	return (
		position.replacedAt !== undefined &&
		now - position.replacedAt > ROTATION_GRACE_MS &&
		file.sizeBytes - position.offset < BYTES_PER_READ
	);
}

/** `2026-11-22T22:05:44.148Z [http/1] [error] [tag]: message`; the further lines of an entry lack this head. */
const HEAD = /\d{4}-\d\d-\d\dT[\d:.]+Z \[[^\]\n]*\] \[(trace|debug|info|warn|error|fatal|notify)\]/y;
/** One character for each byte, so that positions in the text are positions in the file. */
const BYTES_AS_TEXT = new TextDecoder('latin1');

/** A line whose end is not there yet is left for later, unless it fills the whole chunk. */
function countLines(
	chunk: Uint8Array,
	withinLine: boolean,
	lines: Record<LogLevel, number>
): { bytes: number; withinLine: boolean } {
	const text = BYTES_AS_TEXT.decode(chunk);
	let start = 0;
	let skip = withinLine;
	for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
		if (!skip) countLine(text, start, lines);
		skip = false;
		start = end + 1;
	}
	if (start > 0 || chunk.length === 0) return { bytes: start, withinLine: skip };
	if (skip) return { bytes: chunk.length, withinLine: true };
	if (chunk.length < BYTES_PER_READ) return { bytes: 0, withinLine: false };
	countLine(text, 0, lines);
	return { bytes: chunk.length, withinLine: true };
}

function countLine(text: string, start: number, lines: Record<LogLevel, number>): void {
	HEAD.lastIndex = start;
	const name = HEAD.exec(text)?.[1];
	const level = logLevels.find((known) => known === name);
	if (level !== undefined) lines[level]++;
}

const linesTotal: FamilyDefinition = {
	name: 'harper_log_lines_total',
	type: 'counter',
	help: "Entries written to Harper's log file by level, counted since this component first saw the file.",
	labels: ['level'],
	source: 'hdb.log in logging.root',
	approximation:
		'Levels below logging.level are not written at all, and above 10,000 entries in a burst Harper drops the rest. A file that came and went between two readings is missed.',
};
const skippedBytes: FamilyDefinition = {
	name: 'harper_log_skipped_bytes_total',
	type: 'counter',
	help: "Bytes of Harper's log file that were not counted because reading had fallen too far behind.",
	labels: [],
	source: 'hdb.log in logging.root',
};

/** Shows the count that whoever follows the log keeps; nothing before the log was first seen. */
export function logLinesCollector(latest: () => Promise<LogCount | undefined>): Collector {
	return {
		name: 'log_lines',
		definitions: [linesTotal, skippedBytes],
		async collect() {
			const count = await latest();
			if (count === undefined || count.files.length === 0) return [];
			return [
				samples(
					linesTotal,
					logLevels.map((level) => [[level], count.lines[level]])
				),
				single(skippedBytes, count.skippedBytes),
			];
		},
	};
}

import * as v from 'valibot';
import type { Pause } from '../../pause.ts';
import type { StoredFamily } from './accumulator.ts';
import type { StoredFold } from './fold.ts';

/** The fold together with the place in the log up to which it holds. One is worthless without the other. */
export interface Checkpoint {
	/** The highest folded key. */
	readonly cursor: number;
	/** When the log was last read up to its end, milliseconds of wall clock. */
	readonly readAt: number;
	/** Which process folded last; thread ids and connections belong to it. */
	readonly process: string;
	/** How often rows may have been missed because nobody folded while the log kept them. */
	readonly gaps: number;
	readonly recentKeys: readonly number[];
	readonly fold: StoredFold;
}

const FORMAT = 1;

/** Keys are float milliseconds of this age of the clock, which a double holds in steps of 1/4096. */
const KEY_STEPS = 4096;

/**
 * Writes a checkpoint as lines of JSON: a head, the keys, then a line per family. It pauses between them, because a
 * full fold is a few megabytes; the caller keeps the fold still meanwhile.
 */
export async function encodeCheckpoint(checkpoint: Checkpoint, pause: Pause): Promise<string> {
	const { fold, recentKeys, ...place } = checkpoint;
	const { families, ...threads } = fold;
	const lines = [JSON.stringify({ format: FORMAT, ...place, ...threads }), JSON.stringify(toDifferences(recentKeys))];
	for (const [name, family] of Object.entries(families)) {
		await pause();
		lines.push(JSON.stringify({ name, ...family }));
	}
	return lines.join('\n');
}

const number = v.pipe(v.number(), v.finite());
const labelValues = v.array(v.string());
const threadReadings = v.array(v.tuple([number, v.array(v.tuple([labelValues, number]))]));

const headSchema = v.strictObject({
	format: v.literal(FORMAT),
	cursor: number,
	readAt: number,
	process: v.string(),
	gaps: number,
	connections: threadReadings,
	measures: threadReadings,
});

const familySchema = v.strictObject({
	name: v.string(),
	labels: v.array(v.string()),
	bounds: v.array(number),
	series: v.array(v.tuple([labelValues, v.array(number)])),
});

/** Reads what `encodeCheckpoint` wrote. Throws where it is of another format or damaged. */
export async function decodeCheckpoint(text: string, pause: Pause): Promise<Checkpoint> {
	const [headLine = '', keyLine = '', ...familyLines] = text.split('\n');
	const { format: _, connections, measures, ...place } = v.parse(headSchema, JSON.parse(headLine));
	const recentKeys = fromDifferences(v.parse(v.array(number), JSON.parse(keyLine)));
	const families: Record<string, StoredFamily> = {};
	for (const line of familyLines) {
		await pause();
		const { name, ...family } = v.parse(familySchema, JSON.parse(line));
		families[name] = family;
	}
	return { ...place, recentKeys, fold: { families, connections, measures } };
}

/** The first key and then the steps from one to the next: a third of the digits. */
function toDifferences(keys: readonly number[]): number[] {
	return keys.map((key, index) => (key - (keys[index - 1] ?? 0)) * KEY_STEPS);
}

function fromDifferences(differences: readonly number[]): number[] {
	let key = 0;
	return differences.map((difference) => (key += difference / KEY_STEPS));
}

import type { Repository } from '../repository/repository.ts';
import { writeText } from './store.ts';
import type { Depth } from './verify.ts';

/** That somebody read a snapshot, and what came of it. */
export interface Verification {
	/** When it ended: wall clock, milliseconds. */
	readonly at: number;
	readonly depth: Depth;
	readonly result: 'good' | 'bad';
}

interface Verifications {
	readonly verification: Verification | undefined;
	readonly verifiedAt: number | undefined;
	readonly deeplyVerifiedAt: number | undefined;
}

/** The result stands in the name, so that a listing of the repository tells it: milliseconds, depth, result. */
const NAME = /^verifications\/(\d{13})-(checksums|deep)-(good|bad)\.json$/;

/**
 * Records a verification beside the snapshot, as an object of its own: nothing that is there ever changes. Records that
 * newer ones have made worthless are removed.
 */
export async function recordVerification(
	repository: Repository,
	prefix: string,
	{ at: endedAt, depth, result }: Verification,
	error?: { readonly code: string; readonly message: string }
): Promise<void> {
	const earlier: string[] = [];
	for await (const { key } of repository.list(`${prefix}verifications/`)) earlier.push(key.slice(prefix.length));
	// The order decides what is believed, and a clock that was set back must not put a bad result behind a good one.
	const at = Math.max(endedAt, (latestVerification(earlier).verification?.at ?? -1) + 1);
	const name = `verifications/${String(at).padStart(13, '0')}-${depth}-${result}.json`;
	await writeText(repository, `${prefix}${name}`, `${JSON.stringify({ at, depth, result, error })}\n`);
	for (const superseded of supersededVerifications([...earlier, name]))
		await repository.remove(`${prefix}${superseded}`);
}

/** What the names of the objects of a snapshot tell of its verifications. */
export function latestVerification(names: Iterable<string>): Verifications {
	const all = [...names].flatMap((name) => parse(name) ?? []).toSorted((a, b) => a.at - b.at);
	const good = all.filter(({ result }) => result === 'good');
	return {
		verification: all.at(-1),
		verifiedAt: good.at(-1)?.at,
		deeplyVerifiedAt: good.findLast(({ depth }) => depth === 'deep')?.at,
	};
}

/** The names of those verifications that newer ones have made worthless: all but the last, and the last good deep one. */
export function supersededVerifications(names: readonly string[]): readonly string[] {
	const { verification, verifiedAt, deeplyVerifiedAt } = latestVerification(names);
	const worth = new Set([verification?.at, verifiedAt, deeplyVerifiedAt]);
	return names.filter((name) => {
		const parsed = parse(name);
		return parsed !== undefined && !worth.has(parsed.at);
	});
}

function parse(name: string): Verification | undefined {
	const [, at, depth, result] = NAME.exec(name) ?? [];
	if (at === undefined) return undefined;
	return {
		at: Number(at),
		depth: depth === 'deep' ? 'deep' : 'checksums',
		result: result === 'good' ? 'good' : 'bad',
	};
}

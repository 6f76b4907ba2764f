import { instantOf, toIso } from '../time.ts';

/** The id of a snapshot that is taken at a moment. Ids sort by time; four random bytes tell those of one moment apart. */
export function snapshotIdAt(atMs: number, random: () => Uint8Array): string {
	const hex = [...random().subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
	const id = `${toIso(atMs).replaceAll(/[-:.]/g, '')}-${hex}`;
	if (parseSnapshotId(id) === undefined) throw new RangeError(`${id} is no id of a snapshot`);
	return id;
}

export function parseSnapshotId(text: string): { readonly id: string; readonly at: number } | undefined {
	const [, year, month, day, hour, minute, second, ms] =
		/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z-[\da-f]{8}$/.exec(text) ?? [];
	const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}Z`;
	const at = instantOf(iso);
	// A day that no month has would be read as one of the next.
	return at === undefined || toIso(at) !== iso ? undefined : { id: text, at };
}

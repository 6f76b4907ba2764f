import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { planReconciliation, type Findings } from '../../lib/snapshot/reconcile.ts';

const NOW = Date.parse('2026-11-23T12:00:00Z');
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const OLD = '20261121T020000000Z-0000000a';
const YOUNG = '20261123T110000000Z-0000000b';

function parseSnapshotId(id: string): { id: string; at: number } | undefined {
	const [, date, hour, minute, second, ms] = /^(\d{8})T(\d\d)(\d\d)(\d\d)(\d{3})Z-[\da-f]{8}$/.exec(id) ?? [];
	if (date === undefined) return undefined;
	const day = date.replace(/(....)(..)(..)/, '$1-$2-$3');
	return { id, at: Date.parse(`${day}T${hour}:${minute}:${second}.${ms}Z`) };
}

interface Leftover {
	readonly name: string;
	readonly startedAt: number;
	readonly sizeBytes: number | undefined;
}

function plan(findings: Partial<Findings<Leftover>>) {
	return planReconciliation({ objects: [], leftovers: [], now: NOW, ...findings }, parseSnapshotId);
}

function verdicts(keys: readonly string[], findings: Partial<Findings<Leftover>> = {}): Record<string, string> {
	const objects = keys.map((key) => ({ key, sizeBytes: 1 }));
	return Object.fromEntries(
		plan({ objects, ...findings }).objects.map(({ key, action, rule }) => [key, `${action} ${rule}`])
	);
}

const of = (id: string, name: string) => `node/data/snapshots/${id}/${name}`;

describe('an object', () => {
	test('of a snapshot with a manifest is not spoken of, however old', () => {
		const names = ['manifest.json', 'data.mdb.br', 'blobs.tar.br', 'pin.json', 'verifications/1.json'];
		expect(verdicts(names.map((name) => of(OLD, name)))).toEqual({});
	});

	test('of an old snapshot without a manifest is removed, and its verifications with it', () => {
		const keys = ['data.mdb.br', 'data.mdb.br.sealed', 'blobs.tar', 'pin.json', 'verifications/1-deep-good.json'];
		expect(verdicts(keys.map((name) => of(OLD, name)))).toEqual({
			[of(OLD, 'data.mdb.br')]: 'remove no-manifest',
			[of(OLD, 'data.mdb.br.sealed')]: 'remove no-manifest',
			[of(OLD, 'blobs.tar')]: 'remove no-manifest',
			[of(OLD, 'pin.json')]: 'remove no-manifest',
			[of(OLD, 'verifications/1-deep-good.json')]: 'remove verification-of-none',
		});
	});

	test('of a young snapshot without a manifest stays, for it may still be written', () => {
		expect(verdicts([of(YOUNG, 'data.mdb.br')])).toEqual({ [of(YOUNG, 'data.mdb.br')]: 'keep young' });
	});

	test('is removed a day after the moment in its id, and no earlier', () => {
		const key = of(OLD, 'data.mdb.br');
		const at = parseSnapshotId(OLD)?.at ?? NaN;
		expect(verdicts([key], { now: at + DAY })).toEqual({ [key]: 'keep young' });
		expect(verdicts([key], { now: at + DAY + 1 })).toEqual({ [key]: 'remove no-manifest' });
		expect(verdicts([key], { now: at + 2 * HOUR, graceMs: HOUR })).toEqual({ [key]: 'remove no-manifest' });
	});

	test('of an id from the future stays', () => {
		const key = of('20990101T000000000Z-0000000c', 'data.mdb.br');
		expect(verdicts([key])).toEqual({ [key]: 'keep young' });
	});

	test('stays when anything in its folder was written lately, whatever its id says', () => {
		const objects = [
			{ key: of(OLD, 'blobs.tar.br'), sizeBytes: 1, seenAt: NOW - HOUR },
			{ key: of(OLD, 'data.mdb.br'), sizeBytes: 1, seenAt: NOW - 9 * DAY },
		];
		expect(plan({ objects }).objects.map(({ rule }) => rule)).toEqual(['young', 'young']);
	});

	test('of one node is not saved by the manifest of another', () => {
		const key = of(OLD, 'data.mdb.br');
		expect(verdicts([key, `other/data/snapshots/${OLD}/manifest.json`])).toEqual({ [key]: 'remove no-manifest' });
	});

	test.each([
		of(OLD, 'notes.txt'),
		of(OLD, 'data'),
		of(OLD, 'DATA.mdb'),
		of(OLD, 'data.mdb.br/part'),
		of(OLD, 'verifications/a/b.json'),
		of('20261121', 'data.mdb.br'),
		of('20261121T020000000Z-0000000a.bak', 'data.mdb.br'),
		`node/data/archive/${OLD}/data.mdb.br`,
		`data/snapshots/${OLD}/data.mdb.br`,
		`a/node/data/snapshots/${OLD}/data.mdb.br`,
		'holiday.jpg',
	])('that is not recognised stays, and is reported: %s', (key) => {
		expect(verdicts([key])).toEqual({ [key]: 'keep unknown' });
	});

	test('that makes the place a repository is not spoken of', () => {
		expect(verdicts(['custodian.json'])).toEqual({});
		expect(verdicts(['node/custodian.json'])).toEqual({ 'node/custodian.json': 'keep unknown' });
	});

	test('says why', () => {
		const objects = [of(OLD, 'data.mdb.br'), of(YOUNG, 'data.mdb.br'), 'x'].map((key) => ({ key, sizeBytes: 7 }));
		expect(plan({ objects }).objects).toEqual([
			{
				key: of(OLD, 'data.mdb.br'),
				sizeBytes: 7,
				action: 'remove',
				rule: 'no-manifest',
				sentence: `${of(OLD, 'data.mdb.br')} is removed: its snapshot has no manifest, and nobody is making it.`,
			},
			expect.objectContaining({
				sentence: `${of(YOUNG, 'data.mdb.br')} is kept: it is not older than 1d, and may still be written.`,
			}),
			expect.objectContaining({ sentence: 'x is kept: nothing here writes such an object.' }),
		]);
	});
});

describe('a leftover', () => {
	test.each([
		['is removed when it is older than a day', 'upload-1', NOW - DAY - 1, 'remove leftover'],
		['stays for a day', 'upload-1', NOW - DAY, 'keep young'],
		['from the future stays', 'upload-1', NOW + DAY, 'keep young'],
	])('%s', (_, name, startedAt, expected) => {
		const leftover = { name, startedAt, sizeBytes: undefined };
		const { leftovers } = plan({ leftovers: [leftover] });
		expect(leftovers.map(({ action, rule }) => `${action} ${rule}`)).toEqual([expected]);
		expect(leftovers[0]?.leftover).toBe(leftover);
	});
});

describe('law:', () => {
	const id = fc.constantFrom(OLD, YOUNG, '20261101T000000000Z-0000000d', '20261122T120000000Z-0000000e', 'stranger');
	const name = fc.constantFrom(
		'manifest.json',
		'data.mdb.br',
		'blobs.tar.br',
		'pin.json',
		'verifications/1.json',
		'x.y'
	);
	const key = fc.oneof(
		fc.tuple(fc.constantFrom('n/d', 'm/d'), id, name).map(([place, one, file]) => `${place}/snapshots/${one}/${file}`),
		fc.constantFrom('custodian.json', 'n/d/archive/1-2.jsonl.br', 'x')
	);
	const objects = fc.uniqueArray(
		fc.record({
			key,
			sizeBytes: fc.nat(),
			seenAt: fc.option(fc.integer({ min: NOW - 9 * DAY, max: NOW }), { nil: undefined }),
		}),
		{ selector: (object) => object.key, maxLength: 20 }
	);
	test('nothing of a snapshot that is listed or young is removed, nor anything unknown', () => {
		fc.assert(
			fc.property(objects, (found) => {
				const keys = new Set(found.map((object) => object.key));
				const removed = plan({ objects: found }).objects.filter(({ action }) => action === 'remove');
				const wrong = removed.filter((object) => {
					const [node, database, snapshots, one = '', ...rest] = object.key.split('/');
					const folder = [node, database, snapshots, one].join('/');
					const parsed = parseSnapshotId(one);
					return (
						parsed === undefined ||
						snapshots !== 'snapshots' ||
						rest.join('/') === 'x.y' ||
						keys.has(`${folder}/manifest.json`) ||
						parsed.at >= NOW - DAY
					);
				});
				expect(wrong).toEqual([]);
			})
		);
	});

	test('wherever the removals stop, the rest of them is what is planned anew', () => {
		fc.assert(
			fc.property(objects, (found) => {
				const removals = (all: typeof found) =>
					plan({ objects: all })
						.objects.filter(({ action }) => action === 'remove')
						.map((object) => object.key);
				// Without times of the repository: the youngest object of a folder may be the first that goes.
				const timeless = found.map((object) => ({ ...object, seenAt: undefined }));
				const all = removals(timeless);
				for (let done = 0; done <= all.length; done++) {
					const gone = new Set(all.slice(0, done));
					expect(removals(timeless.filter((object) => !gone.has(object.key)))).toEqual(all.slice(done));
				}
			})
		);
	});
});

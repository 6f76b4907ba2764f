import fc from 'fast-check';
import { toBufferKey } from 'ordered-binary';
import { describe, expect, test } from 'vitest';
import { decodeEntry, recordIdOf, userOf } from '../../lib/audit/entry.ts';
import { endsWellOrWith } from '../support/thrown.ts';
import { float64, int, uint16, uint32 } from '../support/entry-bytes.ts';

interface Parts {
	readonly previousLocalTime?: number;
	readonly flags: number;
	readonly nodeId: number;
	readonly tableId: number;
	readonly recordId: string | number | (string | number)[];
	readonly version: number;
	readonly residencyId?: number;
	readonly previousResidencyId?: number;
	readonly expiresAt?: number;
	readonly operation?: number;
	readonly user?: string;
	readonly record?: Uint8Array;
}

/** As Harper's `createAuditEntry` lays it out. */
function entryOf(parts: Parts): Buffer {
	const key = (value: unknown) => {
		const bytes = Buffer.from(toBufferKey(value as never));
		return Buffer.concat([bytes.length < 128 ? Buffer.of(bytes.length) : uint16(bytes.length | 0x8000), bytes]);
	};
	return Buffer.concat([
		...(parts.previousLocalTime === undefined ? [] : [float64(parts.previousLocalTime)]),
		parts.flags < 128 ? Buffer.of(parts.flags) : uint32((parts.flags | 0xc0000000) >>> 0),
		int(parts.nodeId),
		int(parts.tableId),
		key(parts.recordId),
		float64(parts.version),
		...(parts.residencyId === undefined ? [] : [int(parts.residencyId)]),
		...(parts.previousResidencyId === undefined ? [] : [int(parts.previousResidencyId)]),
		...(parts.expiresAt === undefined ? [] : [float64(parts.expiresAt)]),
		...(parts.operation === undefined ? [] : [Buffer.of(parts.operation)]),
		parts.user === undefined ? Buffer.of(0) : key(parts.user),
		parts.record ?? Buffer.alloc(0),
	]);
}

const put: Parts = {
	flags: 1 | 16,
	nodeId: 0,
	tableId: 3,
	recordId: 'a',
	version: 1.7e12 + 0.25,
	record: Buffer.of(0x21, 7),
};

describe('an entry', () => {
	test('that puts a record names table, record, version and place', () => {
		const bytes = entryOf({ ...put, user: 'admin', previousLocalTime: 1.7e12 });
		const entry = decodeEntry(bytes);
		expect(entry).toMatchObject({
			action: 'put',
			previousLocalTime: 1.7e12,
			nodeId: 0,
			tableId: 3,
			version: 1.7e12 + 0.25,
			holds: 'full',
			hasBlobs: false,
			operation: undefined,
			expiresAt: undefined,
		});
		expect(recordIdOf(bytes, entry)).toBe('a');
		expect(userOf(bytes, entry)).toBe('admin');
		expect(bytes.subarray(entry.value.start, entry.value.end)).toEqual(Buffer.of(0x21, 7));
	});

	test('may carry everything at once', () => {
		const flags = 5 | 32 | 512 | 1024 | 2048 | 4096 | 8192;
		const all = { residencyId: 200, previousResidencyId: 20_000, expiresAt: 1.8e12, operation: 3 };
		const bytes = entryOf({ ...put, flags, ...all, nodeId: 2 ** 31, tableId: 16_000 });
		expect(decodeEntry(bytes)).toMatchObject({
			...all,
			action: 'patch',
			operation: 'upsert',
			holds: 'partial',
			hasBlobs: true,
			nodeId: 2 ** 31,
			tableId: 16_000,
		});
	});

	test('reads in the middle of other bytes', () => {
		const bytes = Buffer.concat([Buffer.alloc(5, 0xff), entryOf(put), Buffer.alloc(5, 0xff)]);
		const entry = decodeEntry(bytes, 5, bytes.length - 5);
		expect(recordIdOf(bytes, entry)).toBe('a');
		expect(entry.value).toEqual({ start: bytes.length - 7, end: bytes.length - 5 });
	});

	test('that deletes holds nothing, and nobody need have written it', () => {
		const bytes = entryOf({ ...put, flags: 2, record: Buffer.alloc(0), recordId: ['a', 7] });
		const entry = decodeEntry(bytes);
		expect(entry.holds).toBe('nothing');
		expect(entry.value.start).toBe(entry.value.end);
		expect(userOf(bytes, entry)).toBeUndefined();
		expect(recordIdOf(bytes, entry)).toEqual(['a', 7]);
	});
});

test('bytes that are no entry give a RangeError or some entry', () => {
	const sample = entryOf({ ...put, user: 'somebody', flags: 1 | 16 | 4096, expiresAt: 1 });
	fc.assert(
		fc.property(fc.nat(sample.length), fc.nat(sample.length - 1), fc.nat(255), (length, at, byte) => {
			const bytes = Buffer.from(sample);
			bytes[at] = byte;
			const cut = bytes.subarray(0, length);
			const reading = () => {
				const entry = decodeEntry(cut);
				return [recordIdOf(cut, entry), userOf(cut, entry)];
			};
			expect(endsWellOrWith(RangeError, reading)).toBe(true);
		}),
		{ numRuns: 3000 }
	);
});

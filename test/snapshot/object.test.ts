import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../lib/adapters/sha256.ts';
import { measured, watched } from '../../lib/snapshot/digest.ts';
import type { Compression, SnapshotObject } from '../../lib/snapshot/manifest.ts';
import { readPlain, readStored, writeObject } from '../../lib/snapshot/object.ts';
import { bytesOf, chunked, textOf } from '../support/bytes.ts';
import { MemoryRepository } from '../support/memory-repository.ts';
import { objectPorts, sealer } from '../support/snapshots.ts';

const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const ABC = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';

const prefix = 'n/d/snapshots/x/';
const compression = fc.constantFrom<Compression>('brotli', 'gzip', 'none');

function damaged(object: SnapshotObject) {
	return expect.objectContaining({ code: 'object_damaged', subject: `${prefix}${object.name}` });
}

describe('bytes that are measured', () => {
	test.each([
		[[], 0, EMPTY],
		[['a', '', 'bc'], 3, ABC],
	])('%j pass as they are, and give their size and hash', async (chunks, sizeBytes, hash) => {
		const passing = measured(chunked(...chunks), sha256);
		expect(await textOf(passing.bytes)).toBe(chunks.join(''));
		expect(passing.digest()).toEqual({ sizeBytes, sha256: hash });
	});

	test('are told of as they pass, chunk by chunk', async () => {
		const counts: number[] = [];
		const bytes = watched(chunked('a', 'bcd'), (count) => void counts.push(count));
		expect(await textOf(bytes)).toBe('abcd');
		expect(counts).toEqual([1, 3]);
	});
});

describe('an object', () => {
	test.each([
		['none', undefined, 'data.mdb'],
		['gzip', undefined, 'data.mdb.gz'],
		['brotli', undefined, 'data.mdb.br'],
		['brotli', sealer, 'data.mdb.br.sealed'],
		['none', sealer, 'data.mdb.sealed'],
	] as const)('of compression %s is called by what was done to it', async (how, sealing, name) => {
		const repository = new MemoryRepository();
		const ports = objectPorts(repository, sealing);
		const written = await writeObject(ports, { prefix, stem: 'data.mdb', compression: how }, chunked('abc'));
		expect(written.name).toBe(name);
		expect(written.plain).toEqual({ sizeBytes: 3, sha256: ABC });
		expect([...repository.objects.keys()]).toEqual([`${prefix}${name}`]);
		expect(written.stored.sizeBytes).toBe(repository.objects.get(`${prefix}${name}`)?.length);
	});

	test('is read back as it was written, however compressed and sealed', async () => {
		await fc.assert(
			fc.asyncProperty(fc.array(fc.uint8Array()), compression, fc.boolean(), async (chunks, how, sealed) => {
				const repository = new MemoryRepository();
				const ports = objectPorts(repository, sealed ? sealer : undefined);
				const place = { prefix, stem: 'data.mdb', compression: how };
				const object = await writeObject(ports, place, chunked(...chunks));
				const plain = await bytesOf(readPlain(ports, { prefix, object, compression: how }));
				expect(Buffer.compare(plain, Buffer.concat(chunks))).toBe(0);
				const stored = await bytesOf(readStored(ports, { prefix, object }));
				expect(stored).toEqual(repository.objects.get(`${prefix}${object.name}`));
			}),
			{ numRuns: 60 }
		);
	});

	test('of which a byte was changed, or which was cut short or lengthened, is damaged both ways', async () => {
		const change = fc.constantFrom('flip', 'cut', 'lengthen');
		await fc.assert(
			fc.asyncProperty(compression, change, fc.nat(), fc.boolean(), async (how, what, at, sealed) => {
				const repository = new MemoryRepository();
				const ports = objectPorts(repository, sealed ? sealer : undefined);
				const place = { prefix, stem: 'data.mdb', compression: how };
				const object = await writeObject(ports, place, chunked('some bytes of a database, '.repeat(20)));
				const key = `${prefix}${object.name}`;
				const bytes = repository.objects.get(key) ?? new Uint8Array();
				const position = at % bytes.length;
				if (what === 'flip') bytes[position] = bytes[position]! ^ 1;
				else if (what === 'cut') repository.objects.set(key, bytes.slice(0, position));
				else repository.objects.set(key, new Uint8Array([...bytes, 0]));
				await expect(bytesOf(readStored(ports, { prefix, object }))).rejects.toThrow(damaged(object));
				await expect(bytesOf(readPlain(ports, { prefix, object, compression: how }))).rejects.toThrow(
					expect.objectContaining({ code: 'object_damaged' })
				);
			}),
			{ numRuns: 100 }
		);
	});

	test('that is missing is missing', async () => {
		const repository = new MemoryRepository();
		const ports = objectPorts(repository);
		const object = await writeObject(ports, { prefix, stem: 'data.mdb', compression: 'gzip' }, chunked('abc'));
		repository.objects.clear();
		await expect(bytesOf(readPlain(ports, { prefix, object, compression: 'gzip' }))).rejects.toThrow(
			expect.objectContaining({ code: 'object_missing' })
		);
	});

	test('tells by its stored hash what its plain bytes were, even where storage replaced all of it', async () => {
		const ports = objectPorts(new MemoryRepository());
		const object = await writeObject(ports, { prefix, stem: 'data.mdb', compression: 'none' }, chunked('abc'));
		const other = { ...object, plain: { ...object.plain, sha256: EMPTY } };
		await expect(bytesOf(readPlain(ports, { prefix, object: other, compression: 'none' }))).rejects.toThrow(
			damaged(object)
		);
	});
});

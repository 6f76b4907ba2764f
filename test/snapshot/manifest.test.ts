import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CustodianError } from '../../lib/errors.ts';
import { manifestText, parseManifest, type Manifest } from '../../lib/snapshot/manifest.ts';
import { AT, contents, idOf, manifestOf } from '../support/snapshots.ts';
import { endsWellOrWith } from '../support/thrown.ts';

const id = idOf(0);
const digest = { sizeBytes: 7, sha256: '0'.repeat(64) };
const object = { name: 'data.mdb.br.sealed', plain: digest, stored: digest };

test('a manifest is read as it was written, every field of it', () => {
	const full: Manifest = manifestOf(id, {
		schedule: { name: 'nightly', occurrence: 'nightly@2026' },
		by: 'admin',
		label: 'before the migration',
		compression: 'brotli',
		sealing: { keyId: 'k', wrappedKey: 'w' },
		objects: [object],
	});
	expect(parseManifest(manifestText(full), 'x')).toEqual(full);
	const { contents: _, ...rest } = full;
	const external: Manifest = { ...rest, kind: 'external', objects: [], external: { output: 'ok' } };
	expect(parseManifest(manifestText(external), 'x')).toEqual(external);
});

test('a database without an audit log, and one whose log is empty, are told apart', () => {
	for (const audit of [null, { entries: 0, firstKey: null, lastKey: null }]) {
		const written = manifestOf(id, { contents: { ...contents, audit } });
		expect(parseManifest(manifestText(written), 'x').contents?.audit).toEqual(audit);
	}
});

test.each([
	['a number of another kind', { takenAt: 'now' }],
	['a moment that no clock shows', { takenAt: 8.65e15 }],
	['a negative size', { objects: [{ ...object, stored: { ...digest, sizeBytes: -1 } }] }],
	['a hash that is none', { objects: [{ ...object, plain: { ...digest, sha256: 'A'.repeat(64) } }] }],
	['an object elsewhere', { objects: [{ ...object, name: '../data.mdb' }] }],
	['an object in a folder', { objects: [{ ...object, name: 'x/data.mdb' }] }],
	['an unknown key', { more: 1 }],
	['no node', { node: '' }],
	['an id that is none', { id: 'latest' }],
	['an unknown compression', { compression: 'zstd' }],
	['an unknown kind', { kind: 'half' }],
	['format 0', { format: 0 }],
])('a manifest with %s is damaged', (_, changes) => {
	const text = JSON.stringify({ ...manifestOf(id), ...changes });
	expect(() => parseManifest(text, 'the key')).toThrow(
		expect.objectContaining({ code: 'object_damaged', subject: 'the key', hint: expect.any(String) })
	);
});

test('a manifest of a later version says so, whatever else is in it', () => {
	expect(() => parseManifest('{"format":2}', 'the key')).toThrow(
		expect.objectContaining({ code: 'unknown_format', subject: 'the key' })
	);
});

test('whatever the text is, reading it ends well or with an error of ours', () => {
	const text = fc.oneof(
		fc.string(),
		fc.json(),
		fc.nat(2000).map((length) => manifestText(manifestOf(id, { takenAt: AT })).slice(0, length))
	);
	fc.assert(fc.property(text, (any) => endsWellOrWith(CustodianError, () => parseManifest(any, 'x'))));
});

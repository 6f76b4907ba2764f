import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { nodeCipher } from '../../../lib/adapters/node-cipher.ts';
import { keyIdOf, keyRing } from '../../../lib/repository/sealing/key-ring.ts';
import { parseKey } from '../../../lib/repository/sealing/parse-key.ts';
import { noise } from '../../support/bytes.ts';

const OLD = noise(32, 1);
const NEW = noise(32, 2);
const SNAPSHOT = '20261123T135342123Z-1a2b3c4d';

describe('a ring of keys', () => {
	test('opens what it wrapped', () => {
		const ring = keyRing(nodeCipher, NEW);
		const dataKey = ring.newDataKey();
		const wrapped = ring.wrap(dataKey, SNAPSHOT);
		expect(wrapped.keyId).toBe(ring.currentId);
		expect(Buffer.from(wrapped.wrappedKey, 'base64').length).toBe(60);
		expect(Buffer.compare(ring.unwrap(wrapped, SNAPSHOT), dataKey)).toBe(0);
	});

	test('has another data key each time', () => {
		const ring = keyRing(nodeCipher, NEW);
		expect(Buffer.compare(ring.newDataKey(), ring.newDataKey())).not.toBe(0);
		expect(ring.newDataKey().length).toBe(32);
	});

	test('opens what an older key wrapped, and wraps with the current one', () => {
		const before = keyRing(nodeCipher, OLD);
		const wrapped = before.wrap(noise(32, 3), SNAPSHOT);
		const after = keyRing(nodeCipher, NEW, [OLD]);
		expect(Buffer.compare(after.unwrap(wrapped, SNAPSHOT), noise(32, 3))).toBe(0);
		expect(after.wrap(noise(32, 3), SNAPSHOT).keyId).toBe(after.currentId);
		expect(after.currentId).not.toBe(before.currentId);
		expect(after.ids).toEqual(expect.arrayContaining([before.currentId, after.currentId]));
	});

	test('names the key that is missing', () => {
		const wrapped = keyRing(nodeCipher, OLD).wrap(noise(32, 3), SNAPSHOT);
		expect(() => keyRing(nodeCipher, NEW).unwrap(wrapped, SNAPSHOT)).toThrow(
			expect.objectContaining({ code: 'wrong_key', hint: expect.stringContaining(keyIdOf(nodeCipher, OLD)) })
		);
	});

	test('opens no key of another snapshot, and none that was changed', () => {
		const ring = keyRing(nodeCipher, NEW, [OLD]);
		const wrapped = ring.wrap(noise(32, 3), SNAPSHOT);
		const damaged = expect.objectContaining({ code: 'object_damaged' });
		expect(() => ring.unwrap(wrapped, '20261123T135342124Z-1a2b3c4d')).toThrow(damaged);
		expect(() => ring.unwrap({ ...wrapped, keyId: keyIdOf(nodeCipher, OLD) }, SNAPSHOT)).toThrow(damaged);
		for (let bit = 0; bit < 60 * 8; bit++) {
			const bytes = Buffer.from(wrapped.wrappedKey, 'base64');
			bytes[bit >> 3]! ^= 1 << (bit & 7);
			expect(() => ring.unwrap({ ...wrapped, wrappedKey: bytes.toString('base64') }, SNAPSHOT)).toThrow(damaged);
		}
		for (const wrappedKey of ['', 'x', 'no base64!', wrapped.wrappedKey.slice(4), `${wrapped.wrappedKey}AAAA`]) {
			expect(() => ring.unwrap({ ...wrapped, wrappedKey }, SNAPSHOT)).toThrow(damaged);
		}
	});

	test('calls a key by its hash', () => {
		const hash = createHash('sha256').update('harper-custodian key id v1\0').update(OLD).digest('hex');
		expect(keyIdOf(nodeCipher, OLD)).toBe(hash.slice(0, 16));
	});

	test.each([0, 16, 31, 33])('takes no key of %d bytes', (length) => {
		expect(() => keyRing(nodeCipher, noise(length))).toThrow(RangeError);
	});
});

describe('the content of a key file', () => {
	const hex = Buffer.from(OLD).toString('hex');
	const base64 = Buffer.from(OLD).toString('base64');

	test.each([
		['32 bytes', OLD],
		['hexadecimal', Buffer.from(hex)],
		['hexadecimal in capitals, with a line end', Buffer.from(`${hex.toUpperCase()}\r\n`)],
		['base64', Buffer.from(base64)],
		['base64 with a line end', Buffer.from(`${base64}\n`)],
	])('is a key: %s', (_, file) => {
		expect(Buffer.compare(parseKey(file) ?? new Uint8Array(0), OLD)).toBe(0);
	});

	test.each([
		['nothing', ''],
		['a password', 'correct horse battery staple'],
		['too short', hex.slice(2)],
		['too long', `${hex}00`],
		['two lines', `${hex}\n${hex}\n`],
		['base64 of 31 bytes', Buffer.from(OLD.subarray(1)).toString('base64')],
		['33 bytes', Buffer.from(noise(33)).toString('latin1')],
	])('is no key: %s', (_, text) => {
		expect(parseKey(Buffer.from(text, 'latin1'))).toBeUndefined();
	});
});

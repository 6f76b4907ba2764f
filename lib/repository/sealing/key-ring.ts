import { CustodianError } from '../../errors.ts';
import { KEY_BYTES, NONCE_BYTES, type Cipher } from './cipher.ts';
import { damaged } from './header.ts';

/** A data key as it stands in a manifest: encrypted, with the id of the key that opens it. */
interface WrappedKey {
	readonly keyId: string;
	/** Base64. */
	readonly wrappedKey: string;
}

/** The keys that data keys are wrapped with: one for what is new, and the older ones for what is there. */
export interface KeyRing {
	readonly currentId: string;
	readonly ids: readonly string[];
	/** A new key, for one snapshot alone. */
	newDataKey(): Uint8Array;
	wrap(dataKey: Uint8Array, snapshotId: string): WrappedKey;
	/** Rejects with `wrong_key` where the key is none of these, with `object_damaged` where it is but does not fit. */
	unwrap(wrapped: WrappedKey, snapshotId: string): Uint8Array;
}

export function keyRing(cipher: Cipher, current: Uint8Array, older: readonly Uint8Array[] = []): KeyRing {
	const keys = new Map([...older, current].map((key) => [keyIdOf(cipher, key), key]));
	const currentId = keyIdOf(cipher, current);
	return {
		currentId,
		ids: [...keys.keys()],
		newDataKey: () => cipher.random(KEY_BYTES),
		wrap(dataKey, snapshotId) {
			const nonce = cipher.random(NONCE_BYTES);
			const wrapped = cipher.encrypt(current, nonce, dataKey, associatedWith(currentId, snapshotId));
			return { keyId: currentId, wrappedKey: toBase64([...nonce, ...wrapped]) };
		},
		unwrap({ keyId, wrappedKey }, snapshotId) {
			const key = keys.get(keyId);
			if (key === undefined) throw wrongKey(keyId, [...keys.keys()]);
			const bytes = fromBase64(wrappedKey);
			const [nonce, wrapped] = [bytes.subarray(0, NONCE_BYTES), bytes.subarray(NONCE_BYTES)];
			const whole = nonce.length === NONCE_BYTES;
			const dataKey = whole ? cipher.decrypt(key, nonce, wrapped, associatedWith(keyId, snapshotId)) : undefined;
			if (dataKey?.length !== KEY_BYTES) throw damaged(`the key of snapshot ${snapshotId}`);
			return dataKey;
		},
	};
}

/** What a key is called where its name may be seen: it tells keys apart and nothing of them. */
export function keyIdOf(cipher: Cipher, key: Uint8Array): string {
	if (key.length !== KEY_BYTES) throw new RangeError('a key has 32 bytes');
	const label = new TextEncoder().encode('harper-custodian key id v1\0');
	const hash = cipher.sha256(Uint8Array.of(...label, ...key));
	return [...hash.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

function associatedWith(keyId: string, snapshotId: string): Uint8Array {
	return new TextEncoder().encode(JSON.stringify(['harper-custodian data key v1', keyId, snapshotId]));
}

function toBase64(bytes: readonly number[]): string {
	return btoa(String.fromCharCode(...bytes));
}

/** Nothing where the text is no base64, so that a damaged manifest is told as such. */
function fromBase64(text: string): Uint8Array {
	try {
		return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
	} catch {
		return new Uint8Array(0);
	}
}

function wrongKey(wantedId: string, ids: readonly string[]): CustodianError {
	return new CustodianError('wrong_key', wantedId, `None of the keys ${ids.join(', ')} is ${wantedId}.`, {
		hint: `Add the key file whose id is ${wantedId} to the older keys.`,
	});
}

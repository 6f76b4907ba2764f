/** What sealing asks of a library of ciphers. */
export interface Cipher {
	/** AES-256-GCM with a nonce of 12 bytes: the encrypted bytes, and behind them a tag of 16. */
	encrypt(key: Uint8Array, nonce: Uint8Array, bytes: Uint8Array, associated: Uint8Array): Uint8Array;
	/** The plain bytes; undefined where anything differs from what was encrypted. */
	decrypt(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, associated: Uint8Array): Uint8Array | undefined;
	/** HKDF with SHA-256: a key of 32 bytes. */
	derive(key: Uint8Array, salt: Uint8Array, info: Uint8Array): Uint8Array;
	sha256(bytes: Uint8Array): Uint8Array;
	/** Unpredictable bytes. */
	random(length: number): Uint8Array;
}

export const KEY_BYTES = 32;
export const NONCE_BYTES = 12;
export const TAG_BYTES = 16;

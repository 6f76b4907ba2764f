import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { KEY_BYTES, TAG_BYTES, type Cipher } from '../repository/sealing/cipher.ts';

export const nodeCipher: Cipher = {
	encrypt(key, nonce, bytes, associated) {
		const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
		cipher.setAAD(associated);
		return Buffer.concat([cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
	},

	decrypt(key, nonce, sealed, associated) {
		if (sealed.length < TAG_BYTES) return undefined;
		const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
		decipher.setAAD(associated);
		decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
		const bytes = decipher.update(sealed.subarray(0, -TAG_BYTES));
		try {
			decipher.final();
			return bytes;
		} catch {
			// Node.js says no more than that the tag does not fit.
			return undefined;
		}
	},

	derive: (key, salt, info) => new Uint8Array(hkdfSync('sha256', key, salt, info, KEY_BYTES)),
	sha256: (bytes) => createHash('sha256').update(bytes).digest(),
	random: (length) => randomBytes(length),
};

/** What a record holds of a blob. */
export class BlobReference {
	/** The file, hexadecimal; `undefined` where the bytes stand in the record. */
	readonly fileId: string | undefined;
	readonly storageIndex: number;
	readonly bytes: Uint8Array | undefined;
	/** What the record says of it: `type`, `size`. */
	readonly properties: Readonly<Record<string, unknown>>;

	constructor(
		properties: Readonly<Record<string, unknown>>,
		place: { readonly fileId: string; readonly storageIndex: number } | { readonly bytes: Uint8Array }
	) {
		this.properties = properties;
		this.fileId = 'fileId' in place ? place.fileId : undefined;
		this.storageIndex = 'fileId' in place ? place.storageIndex : 0;
		this.bytes = 'bytes' in place ? place.bytes : undefined;
	}
}

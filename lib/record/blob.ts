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

/** Where the file of a blob stands below the directory of its database's blobs; see Harper's `getFilePath`. */
export function blobPathOf(fileId: string): string {
	const name = fileId.length <= 9 ? fileId.slice(-3) : fileId.slice(0, -9) + fileId.slice(-3);
	return `${fileId.slice(-9, -6) || '0'}/${fileId.slice(-6, -3) || '0'}/${name}`;
}

import {
	AbortMultipartUploadCommand,
	CompleteMultipartUploadCommand,
	CreateMultipartUploadCommand,
	UploadPartCommand,
	type CompletedPart,
	type S3Client,
} from '@aws-sdk/client-s3';
import { CustodianError } from '../../errors.ts';

/** Where an object is to stand, and how one request of its upload is made: tried again, its errors translated. */
export interface UploadTarget {
	readonly client: S3Client;
	readonly address: { readonly Bucket: string; readonly Key: string };
	readonly attempt: <T>(request: (options: RequestOptions) => Promise<T>) => Promise<T>;
	/** The same for the request that makes the object, which is refused where there is one. */
	readonly attemptOnce: <T>(request: (condition: Condition, options: RequestOptions) => Promise<T>) => Promise<T>;
	/** What the object carries, unlike that of any other write. */
	readonly metadata: Readonly<Record<string, string>>;
}

/** Empty for a store that knows none. */
interface Condition {
	readonly IfNoneMatch?: '*';
}

export interface RequestOptions {
	readonly abortSignal?: AbortSignal;
}

/** What S3 takes of one upload. */
const MAX_PARTS = 10_000;

/** An object in parts. It is there once `complete` has resolved; before, it is a leftover. */
export class Upload {
	readonly #target: UploadTarget;
	readonly #uploadId: string;
	readonly #parts: CompletedPart[] = [];

	static async begin(target: UploadTarget): Promise<Upload> {
		const { client, address, metadata } = target;
		const begin = new CreateMultipartUploadCommand({ ...address, Metadata: metadata });
		const { UploadId } = await target.attempt((options) => client.send(begin, options));
		if (UploadId !== undefined) return new Upload(target, UploadId);
		throw new CustodianError('repository_refused', address.Key, `The store began an upload without naming it.`);
	}

	private constructor(target: UploadTarget, uploadId: string) {
		this.#target = target;
		this.#uploadId = uploadId;
	}

	async add(bytes: Uint8Array): Promise<void> {
		const { client, address, attempt } = this.#target;
		const PartNumber = this.#parts.length + 1;
		if (PartNumber > MAX_PARTS) throw tooManyParts(address.Key);
		const part = new UploadPartCommand({ ...address, UploadId: this.#uploadId, PartNumber, Body: bytes });
		const { ETag } = await attempt((options) => client.send(part, options));
		this.#parts.push({ ETag, PartNumber });
	}

	async complete(): Promise<void> {
		const { client, address, attemptOnce } = this.#target;
		const whole = { ...address, UploadId: this.#uploadId, MultipartUpload: { Parts: this.#parts } };
		await attemptOnce((condition, options) =>
			client.send(new CompleteMultipartUploadCommand({ ...whole, ...condition }), options)
		);
	}

	/** Frees what was sent. What a store does not free stays a leftover. */
	async abandon(): Promise<void> {
		const { client, address } = this.#target;
		const upload = { ...address, UploadId: this.#uploadId };
		await client.send(new AbortMultipartUploadCommand(upload)).catch(() => {});
	}
}

function tooManyParts(key: string): CustodianError {
	return new CustodianError('repository_refused', key, `${key} has more than ${MAX_PARTS} parts.`, {
		hint: 'Send larger parts.',
	});
}

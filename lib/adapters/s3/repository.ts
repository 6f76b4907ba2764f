import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import {
	AbortMultipartUploadCommand,
	DeleteObjectCommand,
	GetObjectCommand,
	HeadBucketCommand,
	HeadObjectCommand,
	ListMultipartUploadsCommand,
	ListObjectsV2Command,
	PutObjectCommand,
	type GetObjectCommandOutput,
	type HeadObjectCommandOutput,
	type ListMultipartUploadsCommandOutput,
	type S3Client,
} from '@aws-sdk/client-s3';
import { CustodianError } from '../../errors.ts';
import { abortable } from '../../repository/abort.ts';
import { inBlocks } from '../../repository/blocks.ts';
import { isKey, requireKey, requirePrefix } from '../../repository/object-key.ts';
import type { ByteRange, Leftover, ObjectInfo, Repository } from '../../repository/repository.ts';
import { mayPass, retry, type RetryPolicy } from '../../repository/retry.ts';
import { sleep } from '../timers.ts';
import { s3Client, type S3Location, type S3Timeouts } from './client.ts';
import { outlineOf, s3Failure } from './failure.ts';
import { Upload, type RequestOptions, type UploadTarget } from './upload.ts';

export interface S3Tuning {
	/** What one request sends. Two of these are held in memory; 10,000 make the largest object. */
	readonly partBytes?: number;
	/** How many keys one request lists. */
	readonly pageKeys?: number;
	readonly timeouts?: S3Timeouts;
	/** For the requests of a write, whose bytes nobody else can send again. */
	readonly retryWrites?: RetryPolicy;
}

/**
 * A repository in a bucket. Of many who write one key at once one succeeds, where the store heeds `If-None-Match`. Not
 * every store does: so whether a key is taken is asked before writing it, too, and there two writers at the same moment
 * are not told apart.
 */
export function s3Repository(location: S3Location, tuning: S3Tuning = {}): Repository {
	return new S3Repository(location, {
		partBytes: 8 * 1024 * 1024,
		pageKeys: 1000,
		timeouts: { connectMs: 10_000, idleMs: 60_000 },
		retryWrites: { attempts: 5, sleep, random: Math.random },
		...tuning,
	});
}

interface UploadMarker {
	readonly KeyMarker?: string | undefined;
	readonly UploadIdMarker?: string | undefined;
}

class S3Repository implements Repository {
	readonly #client: S3Client;
	readonly #bucket: string;
	readonly #prefix: string;
	readonly #place: string;
	readonly #tuning: Required<S3Tuning>;

	constructor(location: S3Location, tuning: Required<S3Tuning>) {
		const prefix = (location.prefix ?? '').replaceAll(/^\/+|\/+$/g, '');
		this.#client = s3Client(location, tuning.timeouts);
		this.#bucket = location.bucket;
		this.#prefix = prefix === '' ? '' : `${prefix}/`;
		this.#place = `s3://${location.bucket}/${this.#prefix}`;
		this.#tuning = tuning;
	}

	async write(key: string, bytes: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<number> {
		requireKey(key);
		signal?.throwIfAborted();
		const target = this.#target(key, signal);
		if ((await target.attempt(() => this.#look(key, signal))) !== undefined) throw exists(key);
		let sizeBytes = 0;
		let upload: Upload | undefined;
		let sending: Promise<void> | undefined;
		try {
			for await (const block of inBlocks(abortable(bytes, signal), this.#tuning.partBytes)) {
				sizeBytes += block.length;
				if (upload === undefined && block.length < this.#tuning.partBytes) {
					await this.#put(key, block, target);
					return sizeBytes;
				}
				upload ??= await Upload.begin(target);
				await sending;
				sending = upload.add(block);
				// It is awaited before the next part; that may be long after it failed.
				sending.catch(() => {});
			}
			await sending;
			if (upload === undefined) await this.#put(key, new Uint8Array(0), target);
			else await this.#commit(key, target, () => upload!.complete());
			return sizeBytes;
		} catch (error) {
			const abandoned = upload?.abandon();
			if (signal?.aborted !== true) await abandoned;
			throw error;
		}
	}

	async #put(key: string, bytes: Uint8Array, target: UploadTarget): Promise<void> {
		const { address, metadata, attemptOnce } = target;
		const object = { ...address, Metadata: metadata, Body: bytes, ContentLength: bytes.length };
		await this.#commit(key, target, () =>
			attemptOnce((condition, options) => this.#client.send(new PutObjectCommand({ ...object, ...condition }), options))
		);
	}

	/**
	 * An answer that got lost says nothing: the object may be there all the same, its upload unknown by now, and the next
	 * try refused for its sake.
	 */
	async #commit(key: string, { metadata }: UploadTarget, work: () => Promise<unknown>): Promise<void> {
		try {
			await work();
		} catch (error) {
			const isTaken = error instanceof CustodianError && error.code === 'object_exists';
			if (!isTaken && !mayPass(error)) throw error;
			const found = await this.#look(key).catch(() => undefined);
			if (found?.Metadata?.[WRITE] !== metadata[WRITE]) throw isTaken ? exists(key) : error;
		}
	}

	async *read(key: string, range?: ByteRange, signal?: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
		requireKey(key);
		yield* abortable(this.#read(key, range ?? { start: 0 }, signal), signal);
	}

	async *#read(
		key: string,
		{ start, end }: ByteRange,
		signal: AbortSignal | undefined
	): AsyncGenerator<Uint8Array, void, undefined> {
		if (end !== undefined && end <= start) {
			if ((await this.#attempt(`read ${key}`, () => this.#head(key, signal))) === undefined) throw missing(key);
			return;
		}
		const whole = start === 0 && end === undefined;
		const answer = await this.#get(
			key,
			whole ? undefined : `bytes=${start}-${end === undefined ? '' : end - 1}`,
			signal
		);
		if (answer === undefined) return;
		if (!whole && !answer.ContentRange?.startsWith(`bytes ${start}-`)) throw withoutRanges(this.#place);
		yield* this.#body(key, answer);
	}

	/** Undefined where the range lies behind the end of the object. */
	async #get(
		key: string,
		Range: string | undefined,
		signal: AbortSignal | undefined
	): Promise<GetObjectCommandOutput | undefined> {
		return await this.#attempt(`read ${key}`, async () => {
			try {
				return await this.#client.send(new GetObjectCommand({ ...this.#address(key), Range }), { abortSignal: signal });
			} catch (error) {
				if (outlineOf(error).status === 416) return undefined;
				throw error;
			}
		});
	}

	async *#body(
		key: string,
		{ Body, ContentLength }: GetObjectCommandOutput
	): AsyncGenerator<Uint8Array, void, undefined> {
		if (!(Body instanceof Readable)) throw new TypeError('the body of an answer is no stream of Node.js');
		let received = 0;
		const chunks: AsyncIterator<Uint8Array> = Body[Symbol.asyncIterator]();
		try {
			for (;;) {
				const next = await this.#attempt(`read ${key}`, () => chunks.next());
				if (next.done === true) break;
				received += next.value.length;
				yield next.value;
			}
		} finally {
			Body.destroy();
		}
		if (ContentLength !== undefined && received !== ContentLength) {
			throw new CustodianError('repository_unreachable', this.#place, `The answer with ${key} was cut short.`);
		}
	}

	async stat(key: string, signal?: AbortSignal): Promise<ObjectInfo | undefined> {
		requireKey(key);
		signal?.throwIfAborted();
		return await this.#attempt(
			`look for ${key}`,
			async () => {
				const found = await this.#head(key, signal);
				// The answer says no more than 404: of a bucket that is missing as well.
				if (found === undefined) await this.#requireBucket(signal);
				return found;
			},
			signal
		);
	}

	async #head(key: string, signal?: AbortSignal): Promise<ObjectInfo | undefined> {
		const found = await this.#look(key, signal);
		return found && { key, sizeBytes: found.ContentLength ?? 0 };
	}

	async #look(key: string, signal?: AbortSignal): Promise<HeadObjectCommandOutput | undefined> {
		try {
			return await this.#client.send(new HeadObjectCommand(this.#address(key)), { abortSignal: signal });
		} catch (error) {
			if (outlineOf(error).status === 404) return undefined;
			throw error;
		}
	}

	async #requireBucket(signal: AbortSignal | undefined): Promise<void> {
		try {
			await this.#client.send(new HeadBucketCommand({ Bucket: this.#bucket }), { abortSignal: signal });
		} catch (error) {
			if (outlineOf(error).status !== 404) throw error;
			throw new CustodianError('repository_refused', this.#place, `There is no bucket ${this.#bucket}.`, {
				hint: 'Create it, or check its name and region.',
			});
		}
	}

	async *list(prefix: string, signal?: AbortSignal): AsyncGenerator<ObjectInfo, void, undefined> {
		requirePrefix(prefix);
		yield* abortable(this.#list(prefix, signal), signal);
	}

	async *#list(prefix: string, signal: AbortSignal | undefined): AsyncGenerator<ObjectInfo, void, undefined> {
		let last = '';
		let ContinuationToken: string | undefined;
		do {
			const request = new ListObjectsV2Command({
				Bucket: this.#bucket,
				Prefix: this.#prefix + prefix,
				MaxKeys: this.#tuning.pageKeys,
				ContinuationToken,
			});
			const page = await this.#attempt(`list ${prefix}`, () => this.#client.send(request, { abortSignal: signal }));
			for (const { Key = '', Size = 0 } of page.Contents ?? []) {
				const key = Key.slice(this.#prefix.length);
				if (!isKey(key)) continue;
				if (key <= last) throw outOfOrder(this.#place);
				last = key;
				yield { key, sizeBytes: Size };
			}
			ContinuationToken = page.IsTruncated === true ? page.NextContinuationToken : undefined;
		} while (ContinuationToken !== undefined);
	}

	async remove(key: string, signal?: AbortSignal): Promise<void> {
		requireKey(key);
		signal?.throwIfAborted();
		const request = new DeleteObjectCommand(this.#address(key));
		try {
			await this.#attempt(`remove ${key}`, () => this.#client.send(request, { abortSignal: signal }), signal);
		} catch (error) {
			if (!(error instanceof CustodianError && error.code === 'object_missing')) throw error;
		}
	}

	async *leftovers(signal?: AbortSignal): AsyncGenerator<Leftover, void, undefined> {
		yield* abortable(this.#leftovers(signal), signal);
	}

	async *#leftovers(signal: AbortSignal | undefined): AsyncGenerator<Leftover, void, undefined> {
		let marker: UploadMarker | undefined = {};
		while (marker !== undefined) {
			const page: ListMultipartUploadsCommandOutput | undefined = await this.#uploadsFrom(marker, signal);
			for (const { Key = '', UploadId = '', Initiated } of page?.Uploads ?? []) {
				const name = `${Key.slice(this.#prefix.length)} ${UploadId}`;
				yield { name, startedAt: Initiated?.getTime() ?? 0, sizeBytes: undefined };
			}
			const more = page?.IsTruncated === true;
			marker = more ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker } : undefined;
		}
	}

	/** Undefined where the store cannot say. */
	async #uploadsFrom(
		marker: UploadMarker,
		signal: AbortSignal | undefined
	): Promise<ListMultipartUploadsCommandOutput | undefined> {
		const request = new ListMultipartUploadsCommand({ Bucket: this.#bucket, Prefix: this.#prefix, ...marker });
		return await this.#attempt('look for leftovers', async () => {
			try {
				return await this.#client.send(request, { abortSignal: signal });
			} catch (error) {
				if (isUnsupported(error)) return undefined;
				throw error;
			}
		});
	}

	async removeLeftover({ name }: Leftover, signal?: AbortSignal): Promise<void> {
		signal?.throwIfAborted();
		const [key = '', UploadId = ''] = name.split(' ');
		requireKey(key);
		const request = new AbortMultipartUploadCommand({ ...this.#address(key), UploadId });
		await this.#attempt(
			`remove the leftover ${key}`,
			async () => {
				await this.#client.send(request, { abortSignal: signal }).catch((error: unknown) => {
					if (outlineOf(error).name !== 'NoSuchUpload') throw error;
				});
			},
			signal
		);
	}

	async freeBytes(signal?: AbortSignal): Promise<number | undefined> {
		signal?.throwIfAborted();
		return undefined;
	}

	#address(key: string): { readonly Bucket: string; readonly Key: string } {
		return { Bucket: this.#bucket, Key: this.#prefix + key };
	}

	#target(key: string, signal: AbortSignal | undefined): UploadTarget {
		const options: RequestOptions = signal === undefined ? {} : { abortSignal: signal };
		const attempt: UploadTarget['attempt'] = (request) =>
			retry(() => this.#attempt(`write ${key}`, () => request(options), signal), this.#tuning.retryWrites, signal);
		return {
			client: this.#client,
			address: this.#address(key),
			metadata: { [WRITE]: randomUUID() },
			attempt,
			attemptOnce: (request) =>
				attempt(async () => {
					try {
						return await request({ IfNoneMatch: '*' }, options);
					} catch (error) {
						if (!isUnsupported(error)) throw error;
						return await request({}, options);
					}
				}),
		};
	}

	async #attempt<T>(attempted: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
		try {
			return await work();
		} catch (error) {
			if (signal?.aborted === true) throw signal.reason;
			throw error instanceof CustodianError ? error : s3Failure(error, this.#place, attempted);
		}
	}
}

/** The metadata of an object that tells by which write it came to be. */
const WRITE = 'custodian-write';

/** What stores answer that cannot list unfinished uploads, or know no condition. */
function isUnsupported(error: unknown): boolean {
	const { name, status } = outlineOf(error);
	return status === 501 || status === 405 || name === 'NotImplemented' || name === 'MethodNotAllowed';
}

function exists(key: string): CustodianError {
	return new CustodianError('object_exists', key, `${key} is there already, and no object is ever changed.`);
}

function missing(key: string): CustodianError {
	return new CustodianError('object_missing', key, `There is no ${key}.`);
}

function outOfOrder(place: string): CustodianError {
	return new CustodianError('repository_refused', place, `The store of ${place} does not list its keys in order.`);
}

function withoutRanges(place: string): CustodianError {
	return new CustodianError(
		'repository_refused',
		place,
		`The store of ${place} does not answer with a part of an object.`
	);
}

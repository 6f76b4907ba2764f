import { CustodianError } from '../../errors.ts';

/** What a failed request means for the repository. Nothing that the store answered is passed on but its code. */
export function s3Failure(thrown: unknown, place: string, attempted: string): CustodianError {
	const { name, status } = outlineOf(thrown);
	const { code, hint } = meaningOf(name, status);
	const answer = status === undefined ? name : `${name}, status ${status}`;
	return new CustodianError(code, place, `Could not ${attempted} in ${place}: ${answer}.`, { hint });
}

/** The store's own code of an error, or that of the socket, and the status of the answer if there was one. */
export function outlineOf(thrown: unknown): { readonly name: string; readonly status: number | undefined } {
	if (!(thrown instanceof Error)) return { name: 'unknown error', status: undefined };
	const metadata: unknown = Reflect.get(thrown, '$metadata');
	const status: unknown =
		typeof metadata === 'object' && metadata !== null ? Reflect.get(metadata, 'httpStatusCode') : undefined;
	const name = nameOf(thrown);
	return { name: /^[\w.-]{1,80}$/.test(name) ? name : 'unknown error', status: Number(status) || undefined };
}

function nameOf(error: Error): string {
	if (error.message === REGION_MISSING) return 'RegionMissing';
	const errno: unknown = Reflect.get(error, 'code');
	return typeof errno === 'string' ? errno : error.name;
}

/** An error of the client that has nothing but its message to be known by. */
const REGION_MISSING = 'Region is missing';

interface Meaning {
	readonly code: string;
	readonly hint?: string;
}

function meaningOf(name: string, status: number | undefined): Meaning {
	const byName = BY_NAME[name];
	if (byName !== undefined) return byName;
	if (status === undefined || status < 300 || status >= 500 || status === 408 || status === 429) {
		return status === 507 ? FULL : UNREACHABLE;
	}
	if (status === 404) return { code: 'object_missing' };
	// Somebody else has made the object, or is about to.
	if (status === 409 || status === 412) return { code: 'object_exists' };
	return status === 401 || status === 403 ? DENIED : MISPLACED;
}

const UNREACHABLE: Meaning = {
	code: 'repository_unreachable',
	hint: 'Look whether the store is well and this machine reaches it.',
};
const FULL: Meaning = { code: 'repository_full', hint: 'Free space there, raise the quota, or keep fewer snapshots.' };
const DENIED: Meaning = {
	code: 'repository_refused',
	hint: 'The credentials need s3:ListBucket, s3:GetObject, s3:PutObject, s3:DeleteObject, s3:AbortMultipartUpload and s3:ListBucketMultipartUploads.',
};
const MISPLACED: Meaning = {
	code: 'repository_refused',
	hint: 'Check region, endpoint, pathStyle and the name of the bucket.',
};
const NO_CREDENTIALS: Meaning = {
	code: 'repository_refused',
	hint: 'Give credentials in the environment of Harper, in a credentials file, or by the role of the machine.',
};

const BY_NAME: Readonly<Record<string, Meaning>> = {
	NoSuchKey: { code: 'object_missing' },
	NoSuchBucket: {
		code: 'repository_refused',
		hint: 'There is no such bucket. Create it, or check its name and region.',
	},
	// Somebody removed it as a leftover; written anew, the object arrives.
	NoSuchUpload: UNREACHABLE,
	EntityTooLarge: { code: 'repository_full', hint: 'The store takes no object this large.' },
	QuotaExceeded: FULL,
	XMinioStorageFull: FULL,
	SlowDown: UNREACHABLE,
	RequestTimeout: UNREACHABLE,
	RequestTimeTooSkewed: {
		code: 'repository_unreachable',
		hint: 'The clocks of this machine and of the store differ by more than a quarter of an hour.',
	},
	CredentialsProviderError: NO_CREDENTIALS,
	TokenProviderError: NO_CREDENTIALS,
	RegionMissing: MISPLACED,
	EndpointError: MISPLACED,
	InvalidBucketName: MISPLACED,
	ERR_INVALID_URL: MISPLACED,
};

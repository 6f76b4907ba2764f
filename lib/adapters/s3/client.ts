import { S3Client } from '@aws-sdk/client-s3';
import { fromIni } from '@aws-sdk/credential-provider-ini';

/** Where a bucket is. Nothing here is a secret: credentials come from the environment, a file or the machine's role. */
export interface S3Location {
	readonly bucket: string;
	/** What all keys begin with: `a/b` keeps everything below `a/b/`. */
	readonly prefix?: string | undefined;
	readonly region?: string | undefined;
	readonly endpoint?: string | undefined;
	/** The bucket in the path and not in the name of the host, as most stores that are not Amazon's want it. */
	readonly pathStyle?: boolean | undefined;
	readonly profile?: string | undefined;
	readonly credentialsFile?: string | undefined;
}

export interface S3Timeouts {
	readonly connectMs: number;
	/** How long a connection may be silent. */
	readonly idleMs: number;
}

export function s3Client(location: S3Location, timeouts: S3Timeouts): S3Client {
	const { endpoint, profile, credentialsFile } = location;
	// Only Amazon minds the region; the others want just any.
	const elsewhere = endpoint === undefined ? undefined : (process.env.AWS_REGION ?? 'us-east-1');
	const region = location.region ?? elsewhere;
	return new S3Client({
		...(region !== undefined && { region }),
		...(endpoint !== undefined && { endpoint }),
		...(profile !== undefined && { profile }),
		...(credentialsFile !== undefined && {
			credentials: fromIni({ filepath: credentialsFile, ...(profile !== undefined && { profile }) }),
		}),
		forcePathStyle: location.pathStyle ?? false,
		// Trying again is `retry`'s; see `retrying`.
		maxAttempts: 1,
		// Not every store knows the newer checksums. Each request is signed with the SHA-256 of its body as it is.
		requestChecksumCalculation: 'WHEN_REQUIRED',
		responseChecksumValidation: 'WHEN_REQUIRED',
		// Costs a connection for each part, and hangs where a proxy does not know it.
		expectContinueHeader: false,
		requestHandler: { connectionTimeout: timeouts.connectMs, socketTimeout: timeouts.idleMs },
	});
}

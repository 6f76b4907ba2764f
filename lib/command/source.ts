import type { Given } from './given.ts';

/** Where the command looks for snapshots. Paths are as they were given. */
export type Source =
	| { readonly kind: 'directory'; readonly directory: string }
	| { readonly kind: 's3'; readonly s3: S3Settings }
	| { readonly kind: 'root'; readonly root: string }
	| { readonly kind: 'config'; readonly file: string };

interface S3Settings {
	readonly bucket: string;
	readonly prefix?: string;
	readonly region?: string;
	readonly endpoint?: string;
	readonly profile?: string;
	readonly credentialsFile?: string;
	readonly pathStyle: boolean;
}

export function sourceOf(given: Given): Source | { readonly problem: string } {
	const [repository, root, file] = [given.text('repository'), given.text('root'), given.text('config')];
	if ([repository, root, file].filter((one) => one !== undefined).length !== 1) {
		return { problem: 'Expected one of --repository, --root and --config.' };
	}
	const bucket = repository?.startsWith('s3://') === true;
	const stray = bucket ? undefined : S3_OPTIONS.find((name) => given.text(name) !== undefined || given.flag(name));
	if (stray !== undefined) return { problem: `--${stray} goes with --repository s3://bucket/prefix.` };
	if (root !== undefined) return { kind: 'root', root };
	if (file !== undefined) return { kind: 'config', file };
	return bucket ? s3Of(repository ?? '', given) : { kind: 'directory', directory: repository ?? '' };
}

/** What of a configuration concerns reading: the rest, and a mistake in it, must not keep anybody from a snapshot. */
export function settingsOf(
	source: Source,
	keyFiles: readonly string[],
	{ absolute, configuration }: { readonly absolute: (path: string) => string; readonly configuration: unknown }
): unknown {
	const given = keyFiles.map(absolute);
	if (source.kind === 'config') return configured(configuration, given);
	return { repository: repositoryOf(source, absolute), ...encryptionOf(given) };
}

const S3_OPTIONS = ['region', 'endpoint', 'path-style', 'profile', 'credentials-file'];

function s3Of(place: string, given: Given): Source | { readonly problem: string } {
	const [, bucket, prefix] = /^s3:\/\/([^/]+)(?:\/(.+))?$/.exec(place) ?? [];
	if (bucket === undefined) return { problem: `${JSON.stringify(place)} names no bucket.` };
	const settings = {
		prefix,
		region: given.text('region'),
		endpoint: given.text('endpoint'),
		profile: given.text('profile'),
		credentialsFile: given.text('credentials-file'),
	};
	const set = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
	return { kind: 's3', s3: { bucket, ...set, pathStyle: given.flag('path-style') } };
}

function repositoryOf(source: Exclude<Source, { kind: 'config' }>, absolute: (path: string) => string): object {
	if (source.kind === 'directory') return { directory: absolute(source.directory) };
	if (source.kind === 'root') return below(absolute(source.root));
	const { credentialsFile } = source.s3;
	const files = credentialsFile === undefined ? {} : { credentialsFile: absolute(credentialsFile) };
	return { s3: { ...source.s3, ...files } };
}

function configured(configuration: unknown, given: readonly string[]): unknown {
	const { rootPath, custodian } = fieldsOf(configuration);
	const { repository, copies, encryption } = fieldsOf(custodian);
	const { keyFile, olderKeyFiles } = fieldsOf(encryption);
	const known = [keyFile, ...(Array.isArray(olderKeyFiles) ? olderKeyFiles : [])].filter((key) => key !== undefined);
	return {
		repository: repository ?? (typeof rootPath === 'string' ? below(rootPath) : undefined),
		...(copies === undefined ? {} : { copies }),
		...encryptionOf([...given, ...known]),
	};
}

function below(root: string): { readonly directory: string } {
	return { directory: `${root.replace(/\/+$/, '')}/custodian/repository` };
}

function encryptionOf([keyFile, ...olderKeyFiles]: readonly unknown[]): object {
	return keyFile === undefined ? {} : { encryption: { keyFile, olderKeyFiles } };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
	return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseConfiguration } from '../../lib/config.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function parsed(value: unknown) {
	const { valid, configuration } = parseConfiguration(value);
	if (!valid || configuration.protection === undefined) throw new Error(problemsOf(value).join('\n'));
	return configuration.protection;
}

function problemsOf(value: unknown, isCron?: (expression: string) => boolean): string[] {
	const result = parseConfiguration(value, isCron);
	return result.valid ? [] : result.problems.map(({ key, expected, got }) => `${key}: ${expected}: ${got}`);
}

const nightly = (changes: object = {}) => ({ snapshots: [{ name: 'nightly', cron: '0 2 * * *', ...changes }] });

const filled = {
	databases: ['*'],
	timezone: 'UTC',
	jitter: 0,
	overlap: 'skip',
	retries: 3,
	scope: 'node',
	keep: {},
	externalTimeout: 30 * MINUTE,
};

describe('where the operator says nothing', () => {
	test('every database is snapshotted daily, verified within a week, kept seven days and four weeks', () => {
		expect(parsed({})).toEqual({
			copies: [],
			compression: 'brotli',
			verifyWithin: 7 * DAY,
			notify: {},
			watch: { deletesPerMinute: 1000, overwritesPerMinute: 30_000, share: 0.25, shareMinimum: 100 },
			snapshots: [{ ...filled, name: 'daily', cron: '0 2 * * *', jitter: 30 * MINUTE, keep: { daily: 7, weekly: 4 } }],
		});
	});

	test('a schedule of his has a default for everything but its name and its time, and keeps all', () => {
		expect(parsed({ snapshots: [{ name: 'n', every: '6h' }] }).snapshots).toEqual([
			{ ...filled, name: 'n', every: 6 * HOUR },
		]);
	});

	test('no schedules means none', () => {
		expect(parsed({ snapshots: [] }).snapshots).toEqual([]);
	});

	test('hooks may take five minutes', () => {
		expect(parsed(nightly({ hooks: { pre: ['/bin/true'] } })).snapshots[0]?.hooks).toEqual({
			pre: ['/bin/true'],
			timeout: 5 * MINUTE,
		});
	});

	test('a key has no older ones, and a bucket is addressed by host name', () => {
		expect(parsed({ encryption: { keyFile: '/k' } }).encryption).toEqual({ keyFile: '/k', olderKeyFiles: [] });
		expect(parsed({ repository: { s3: { bucket: 'b' } } }).repository).toEqual({
			s3: { bucket: 'b', pathStyle: false },
		});
	});
});

test('what the operator writes is taken, each key of it', () => {
	const s3 = {
		bucket: 'b',
		prefix: 'p/',
		region: 'eu-central-1',
		endpoint: 'https://minio.example:9000/x',
		pathStyle: true,
		profile: 'backup',
		credentialsFile: '/etc/s3',
	};
	const schedule = {
		name: 'n-1_A',
		databases: ['shop', 'crm'],
		cron: '15 3 * * 0',
		timezone: 'Europe/Berlin',
		overlap: 'wait',
		retries: 0,
		scope: 'cluster',
		external: ['/usr/sbin/snap', '--now'],
		externalTimeout: '1h',
	};
	const keep = { last: 1, hourly: 0, daily: 7, weekly: 4, monthly: 12, yearly: 10_000 };
	const hooks = { pre: ['/bin/pre', 'x'], post: ['/bin/post'] };
	const notify = { url: 'https://a.example/hook', secretFile: '/etc/secret', deadMan: 'http://b.example/ping' };
	const encryption = { keyFile: '/etc/key', olderKeyFiles: ['/etc/old', '/etc/older'] };
	expect(
		parsed({
			repository: { s3, bandwidth: '10MB' },
			copies: [{ name: 'offsite', directory: '/mnt/b', bandwidth: 4096 }],
			encryption,
			compression: 'gzip',
			snapshots: [{ ...schedule, jitter: '30s', keep: { ...keep, within: '36h' }, hooks: { ...hooks, timeout: '1m' } }],
			verifyWithin: '30d',
			notify,
			watch: { deletesPerMinute: 1, overwritesPerMinute: 2, share: 0.5, shareMinimum: 3 },
		})
	).toEqual({
		repository: { s3, bandwidth: 10_000_000 },
		copies: [{ name: 'offsite', directory: '/mnt/b', bandwidth: 4096 }],
		encryption,
		compression: 'gzip',
		snapshots: [
			{
				...schedule,
				externalTimeout: HOUR,
				jitter: 30_000,
				keep: { ...keep, within: 36 * HOUR },
				hooks: { ...hooks, timeout: MINUTE },
			},
		],
		verifyWithin: 30 * DAY,
		notify,
		watch: { deletesPerMinute: 1, overwritesPerMinute: 2, share: 0.5, shareMinimum: 3 },
	});
});

test.each(['brotli', 'gzip', 'none'])('the compression %s is known', (compression) => {
	expect(parsed({ compression }).compression).toBe(compression);
});

test('verifying by rotation can be turned off', () => {
	expect(parsed({ verifyWithin: false }).verifyWithin).toBe(false);
});

describe('bytes', () => {
	const bandwidth = (written: unknown) => ({ repository: { directory: '/r', bandwidth: written } });

	test.each([
		['512KB', 512_000],
		['10MB', 10_000_000],
		['10 MB', 10_000_000],
		['1.5GB', 1_500_000_000],
		['0.001KB', 1],
		['2TB', 2e12],
		['700B', 700],
		['700', 700],
		[1, 1],
	])('are read from %j', (written, expected) => {
		expect(parsed(bandwidth(written)).repository?.bandwidth).toBe(expected);
	});

	test.each(['', 'MB', '10mb', '10MiB', '10  MB', '-1MB', '1e3', '0', '0.0001KB', 0, -1, 0.5, Infinity, null, true])(
		'are not read from %j',
		(written) => {
			expect(problemsOf(bandwidth(written))).toEqual([
				expect.stringMatching(/^custodian\.repository\.bandwidth: bytes, as 512KB, 10MB or 1GB: /),
			]);
		}
	);
});

const ONE_PLACE = 'either directory or s3';
const PLACE = '{ directory | s3, bandwidth? }';
const URL = 'an http or https URL without credentials';
const DAY_SPAN = 'a time from 0s to 1d';
const COMMAND = 'a command as a list of words';

test.each<[object, string]>([
	[{ repositry: {} }, 'custodian.repositry: a key that is known: another'],
	[{ repository: '/r' }, `custodian.repository: ${PLACE}: "/r"`],
	[{ repository: [] }, `custodian.repository: ${PLACE}: a list of 0`],
	[{ repository: {} }, `custodian.repository: ${ONE_PLACE}: an object`],
	[{ repository: { directory: '/r', s3: { bucket: 'b' } } }, `custodian.repository: ${ONE_PLACE}: an object`],
	[{ repository: { directory: 'r' } }, 'custodian.repository.directory: an absolute path: "r"'],
	[{ repository: { directory: '/r\0' } }, 'custodian.repository.directory: an absolute path: "/r\\u0000"'],
	[{ repository: { directory: '/r', name: 'x' } }, 'custodian.repository.name: a key that is known: another'],
	[
		{ repository: { s3: {} } },
		'custodian.repository.s3.bucket: { bucket, prefix?, region?, endpoint?, pathStyle?, profile?, credentialsFile? }: nothing',
	],
	[{ repository: { s3: { bucket: '' } } }, 'custodian.repository.s3.bucket: the name of a bucket: ""'],
	[
		{ repository: { s3: { bucket: 'b', secretAccessKey: 'hunter2' } } },
		'custodian.repository.s3.secretAccessKey: a key that is known: another',
	],
	[{ repository: { s3: { bucket: 'b', endpoint: 'ftp://x' } } }, `custodian.repository.s3.endpoint: ${URL}: "ftp://x"`],
	[{ repository: { s3: { bucket: 'b', endpoint: 'minio' } } }, 'custodian.repository.s3.endpoint: a URL: "minio"'],
	[{ repository: { s3: { bucket: 'b', pathStyle: 1 } } }, 'custodian.repository.s3.pathStyle: true or false: 1'],
	[{ copies: {} }, 'custodian.copies: a list of repositories: an object'],
	[{ copies: [{ directory: '/a' }] }, 'custodian.copies.0.name: { name, directory | s3, bandwidth? }: nothing'],
	[{ copies: [{ name: 'a' }] }, `custodian.copies.0: ${ONE_PLACE}: an object`],
	[
		{ copies: [{ name: 'a/b', directory: '/a' }] },
		'custodian.copies.0.name: a name of at most 64 letters, digits, - and _: "a/b"',
	],
	[
		{ copies: ['/a', '/b'].map((directory) => ({ name: 'a', directory })) },
		'custodian.copies: copies with different names: a list of 2',
	],
	[
		{ copies: [1, 2, 3, 4, 5, 6].map((n) => ({ name: `c${n}`, directory: `/${n}` })) },
		'custodian.copies: at most 5 copies: a list of 6',
	],
	[{ encryption: {} }, 'custodian.encryption.keyFile: { keyFile, olderKeyFiles? }: nothing'],
	[{ encryption: { keyFile: 'key' } }, 'custodian.encryption.keyFile: an absolute path: "key"'],
	[
		{ encryption: { keyFile: '/k', olderKeyFiles: '/o' } },
		'custodian.encryption.olderKeyFiles: a list of absolute paths: "/o"',
	],
	[{ compression: 'zstd' }, 'custodian.compression: brotli, gzip or none: "zstd"'],
	[{ snapshots: {} }, 'custodian.snapshots: a list of schedules: an object'],
	[
		{ snapshots: [1, 2].map(() => ({ name: 'n', every: '1h' })) },
		'custodian.snapshots: schedules with different names: a list of 2',
	],
	[{ snapshots: [{ name: 'n' }] }, 'custodian.snapshots.0: either cron or every: an object'],
	[nightly({ every: '1h' }), 'custodian.snapshots.0: either cron or every: an object'],
	[nightly({ name: 'x'.repeat(65) }), expect.stringMatching(/^custodian\.snapshots\.0\.name: a name of at most 64 /)],
	[nightly({ databases: [] }), 'custodian.snapshots.0.databases: at least one database: a list of 0'],
	[nightly({ databases: '*' }), 'custodian.snapshots.0.databases: a list of databases: "*"'],
	[nightly({ databases: [''] }), 'custodian.snapshots.0.databases.0: the name of a database: ""'],
	[{ snapshots: [{ name: 'n', every: '59s' }] }, 'custodian.snapshots.0.every: a time from 1m to 366d: "59s"'],
	[{ snapshots: [{ name: 'n', every: '1 hour' }] }, 'custodian.snapshots.0.every: a time from 1m to 366d: "1 hour"'],
	[{ snapshots: [{ name: 'n', every: 60 }] }, 'custodian.snapshots.0.every: a time from 1m to 366d: 60'],
	[nightly({ timezone: 'Berlin' }), 'custodian.snapshots.0.timezone: a time zone, as Europe/Berlin: "Berlin"'],
	[nightly({ timezone: 2 }), 'custodian.snapshots.0.timezone: a time zone, as Europe/Berlin: 2'],
	[nightly({ jitter: '25h' }), `custodian.snapshots.0.jitter: ${DAY_SPAN}: "25h"`],
	[nightly({ overlap: 'queue' }), 'custodian.snapshots.0.overlap: skip or wait: "queue"'],
	[nightly({ retries: 21 }), 'custodian.snapshots.0.retries: a whole number from 0 to 20: 21'],
	[nightly({ retries: 1.5 }), 'custodian.snapshots.0.retries: a whole number from 0 to 20: 1.5'],
	[nightly({ scope: 'all' }), 'custodian.snapshots.0.scope: node or cluster: "all"'],
	[nightly({ scope: 'cluster' }), 'custodian.snapshots.0.scope: node, or a repository that all nodes share: "cluster"'],
	[nightly({ keep: { day: 7 } }), 'custodian.snapshots.0.keep.day: a key that is known: another'],
	[nightly({ keep: { last: -1 } }), 'custodian.snapshots.0.keep.last: a whole number from 0 to 10000: -1'],
	[nightly({ keep: { within: '0s' } }), 'custodian.snapshots.0.keep.within: a time, as 12h or 30d: "0s"'],
	[nightly({ keep: 7 }), expect.stringMatching(/^custodian\.snapshots\.0\.keep: \{ last\?, .*: 7$/)],
	[nightly({ hooks: { pre: 'true' } }), `custodian.snapshots.0.hooks.pre: ${COMMAND}: "true"`],
	[nightly({ hooks: { pre: [] } }), `custodian.snapshots.0.hooks.pre: ${COMMAND}: a list of 0`],
	[
		nightly({ hooks: { post: ['true'] } }),
		'custodian.snapshots.0.hooks.post: a command that begins with an absolute path: a list of 1',
	],
	[nightly({ hooks: { timeout: '2d' } }), `custodian.snapshots.0.hooks.timeout: a time from 1s to 1d: "2d"`],
	[nightly({ external: ['snap'] }), expect.stringMatching(/external: a command that begins with an absolute path/)],
	[{ verifyWithin: '59m' }, `custodian.verifyWithin: a time from 1h to 366d, or false: "59m"`],
	[{ verifyWithin: true }, 'custodian.verifyWithin: a time from 1h to 366d, or false: true'],
	[{ notify: { url: 'x' } }, 'custodian.notify.url: an http or https URL: "x"'],
	[{ notify: { deadMan: 'mailto:a@b' } }, 'custodian.notify.deadMan: an http or https URL: "mailto:a@b"'],
	[{ notify: { secretFile: 's' } }, 'custodian.notify.secretFile: an absolute path: "s"'],
])('%j is refused, naming the key, what was expected and what was got', (value, problem) => {
	expect(problemsOf(value)).toEqual([problem]);
});

test('an expression that is no cron is refused where it stands', () => {
	const isCron = (expression: string) => expression !== 'daily';
	const snapshots = [
		{ name: 'a', cron: '0 2 * * *' },
		{ name: 'b', every: '1h' },
		{ name: 'c', cron: 'daily' },
	];
	expect(problemsOf({ snapshots }, isCron)).toEqual(['custodian.snapshots.2.cron: a cron expression: "daily"']);
	expect(parseConfiguration({ snapshots }, isCron).configuration.protection).toBeUndefined();
});

test('credentials in a URL are not repeated where it is refused', () => {
	const values = [
		{ repository: { s3: { bucket: 'b', endpoint: 'https://AKIA:hunter2@s3.example' } } },
		{ notify: { url: 'ftp://u:hunter2@a.example' } },
	];
	for (const value of values) {
		const problems = problemsOf(value);
		expect(problems).toHaveLength(1);
		expect(problems.join()).not.toContain('hunter2');
	}
});

test('one mistake anywhere turns all protection off, and opens nothing', () => {
	const good = { repository: { directory: '/r' }, encryption: { keyFile: '/k' }, metrics: { anonymous: true } };
	fc.assert(
		fc.property(fc.constantFrom('snapshots', 'copies', 'notify', 'compression', 'typo'), (key) => {
			const { valid, configuration } = parseConfiguration({ ...good, [key]: 7 });
			expect(valid).toBe(false);
			expect(configuration.protection).toBeUndefined();
			expect(configuration.metrics.anonymous).toBe(false);
		})
	);
});

test('nothing that is written there makes the parser throw', () => {
	const keys = ['repository', 'copies', 'encryption', 'compression', 'snapshots', 'verifyWithin', 'notify'];
	fc.assert(
		fc.property(fc.constantFrom(...keys), fc.anything(), (key, value) => {
			parseConfiguration({ [key]: value });
			parseConfiguration({ snapshots: [value], copies: [value], repository: { s3: value } });
		})
	);
});

describe('watching', () => {
	test('is off with false, and has a default for each limit', () => {
		expect(parsed({ watch: false }).watch).toBe(false);
		expect(parsed({ watch: { share: 1 } }).watch).toMatchObject({ share: 1, deletesPerMinute: 1000 });
	});

	test.each<[watch: unknown, problem: string]>([
		[true, 'custodian.watch: { deletesPerMinute?, overwritesPerMinute?, share?, shareMinimum? }, or false: true'],
		[{ perMinute: 1 }, 'custodian.watch.perMinute: a key that is known: another'],
		[{ share: 25 }, 'custodian.watch.share: a share from 0 to 1, as 0.25: 25'],
		[{ deletesPerMinute: 0 }, 'custodian.watch.deletesPerMinute: a whole number from 1 to 1000000000: 0'],
	])('refuses %j by name', (watch, problem) => {
		expect(problemsOf({ watch })).toEqual([problem]);
	});
});

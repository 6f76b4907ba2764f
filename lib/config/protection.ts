import * as v from 'valibot';
import { bool, bytes, name, object, path, span, text, unique, wholeNumber } from './atoms.ts';
import { watch } from './watch.ts';

const DAY_MS = 86_400_000;
const YEAR_MS = 366 * DAY_MS;

const s3 = object(
	{
		bucket: text('the name of a bucket'),
		prefix: v.optional(text('what the keys begin with')),
		region: v.optional(text('a region')),
		endpoint: v.optional(
			v.pipe(
				v.string('a URL'),
				v.url('a URL'),
				v.regex(/^https?:\/\/[^@]*$/, 'an http or https URL without credentials')
			)
		),
		pathStyle: v.optional(bool, false),
		profile: v.optional(text('a profile of the credentials file')),
		credentialsFile: v.optional(path),
	},
	'{ bucket, prefix?, region?, endpoint?, pathStyle?, profile?, credentialsFile? }'
);

const place = {
	directory: v.optional(path),
	s3: v.optional(s3),
	/** Bytes per second. */
	bandwidth: v.optional(bytes),
};

const ONE_PLACE = 'either directory or s3';
const hasOnePlace = (at: { readonly directory?: unknown; readonly s3?: unknown }) =>
	(at.directory === undefined) !== (at.s3 === undefined);

const repository = v.pipe(
	object(place, '{ directory | s3, bandwidth? }'),
	v.check((at) => hasOnePlace(at), ONE_PLACE)
);
const copy = v.pipe(
	object({ name, ...place }, '{ name, directory | s3, bandwidth? }'),
	v.check((at) => hasOnePlace(at), ONE_PLACE)
);

const encryption = object(
	{ keyFile: path, olderKeyFiles: v.optional(v.array(path, 'a list of absolute paths'), []) },
	'{ keyFile, olderKeyFiles? }'
);

const kept = wholeNumber(0, 10_000);
const keep = object(
	{
		last: v.optional(kept),
		hourly: v.optional(kept),
		daily: v.optional(kept),
		weekly: v.optional(kept),
		monthly: v.optional(kept),
		yearly: v.optional(kept),
		within: v.optional(span(1, 100 * YEAR_MS, 'a time, as 12h or 30d')),
	},
	'{ last?, hourly?, daily?, weekly?, monthly?, yearly?, within? }'
);

const timezone = v.pipe(
	v.string('a time zone, as Europe/Berlin'),
	v.check(isTimezone, 'a time zone, as Europe/Berlin')
);

const command = v.pipe(
	v.array(text('a word of a command'), 'a command as a list of words'),
	v.minLength(1, 'a command as a list of words'),
	v.maxLength(100, 'a command of at most 100 words'),
	v.check(([program]) => program?.startsWith('/') === true, 'a command that begins with an absolute path')
);

const hooks = object(
	{
		pre: v.optional(command),
		post: v.optional(command),
		timeout: v.optional(span(1000, DAY_MS, 'a time from 1s to 1d'), '5m'),
	},
	'{ pre?, post?, timeout? }'
);

const schedule = v.pipe(
	object(
		{
			name,
			databases: v.optional(
				v.pipe(v.array(text('the name of a database'), 'a list of databases'), v.minLength(1, 'at least one database')),
				['*']
			),
			cron: v.optional(text('a cron expression')),
			every: v.optional(span(60_000, YEAR_MS, 'a time from 1m to 366d')),
			timezone: v.optional(timezone, 'UTC'),
			jitter: v.optional(span(0, DAY_MS, 'a time from 0s to 1d'), '0s'),
			overlap: v.optional(v.picklist(['skip', 'wait'], 'skip or wait'), 'skip'),
			retries: v.optional(wholeNumber(0, 20), 3),
			scope: v.optional(v.picklist(['node', 'cluster'], 'node or cluster'), 'node'),
			keep: v.optional(keep, {}),
			hooks: v.optional(hooks),
			/** Instead of a snapshot of ours: the command that takes one of the volume. */
			external: v.optional(command),
			/** How long that command may take. */
			externalTimeout: v.optional(span(1000, DAY_MS, 'a time from 1s to 1d'), '30m'),
		},
		'{ name, cron | every, databases?, timezone?, jitter?, overlap?, retries?, scope?, keep?, hooks?, external?, externalTimeout? }'
	),
	v.check((one) => (one.cron === undefined) !== (one.every === undefined), 'either cron or every')
);

const notify = object(
	{
		url: v.optional(httpUrl()),
		/** Signs what is posted. */
		secretFile: v.optional(path),
		/** Asked for after each verified success, so that its absence can be noticed elsewhere. */
		deadMan: v.optional(httpUrl()),
	},
	'{ url?, secretFile?, deadMan? }'
);

/** What is taken where the operator says nothing. */
const DAILY = { name: 'daily', cron: '0 2 * * *', jitter: '30m', keep: { daily: 7, weekly: 4 } };

const schedules = v.pipe(
	v.array(schedule, 'a list of schedules'),
	v.maxLength(100, 'at most 100 schedules'),
	v.check((list) => unique(list.map((one) => one.name)), 'schedules with different names')
);

/** The keys that are about keeping the data safe. */
export const protection = {
	repository: v.optional(repository),
	copies: v.optional(
		v.pipe(
			v.array(copy, 'a list of repositories'),
			v.maxLength(5, 'at most 5 copies'),
			v.check((list) => unique(list.map((one) => one.name)), 'copies with different names')
		),
		[]
	),
	encryption: v.optional(encryption),
	compression: v.optional(v.picklist(['brotli', 'gzip', 'none'], 'brotli, gzip or none'), 'brotli'),
	snapshots: v.optional(schedules, [DAILY]),
	/** Within which time every kept snapshot is opened and read once; false for never. */
	verifyWithin: v.optional(
		v.union([v.literal(false), span(3_600_000, YEAR_MS, 'a time from 1h to 366d')], 'a time from 1h to 366d, or false'),
		'7d'
	),
	notify: v.optional(notify, {}),
	/** How much a user may delete and overwrite before it is an alarm; false for never. */
	watch,
};

const shape = v.object(protection);
export type ProtectionConfiguration = v.InferOutput<typeof shape>;
export type RepositoryConfiguration = v.InferOutput<typeof repository>;
export type ScheduleConfiguration = v.InferOutput<typeof schedule>;

function httpUrl() {
	const message = 'an http or https URL';
	return v.pipe(v.string(message), v.url(message), v.regex(/^https?:/, message));
}

function isTimezone(value: string): boolean {
	try {
		return new Intl.DateTimeFormat('en', { timeZone: value }).resolvedOptions().timeZone !== '';
	} catch {
		return false;
	}
}

import * as v from 'valibot';
import type { Job, JobKind } from '../jobs/job.ts';
import type { CatalogueEntry } from '../snapshot/catalogue.ts';
import { bestCopy, type Holding, type Holdings } from '../snapshot/holdings.ts';
import type { Manifest } from '../snapshot/manifest.ts';
import { instantOf, toIso } from '../time.ts';
import { readBody } from './body.ts';
import { failure, json, type Endpoint, type HttpResponse, type RoutedRequest } from './endpoint.ts';
import { accepted, userOf } from './jobs.ts';
import { limitOf } from './paging.ts';
import { isoOrUndefined } from './render.ts';
import { withSnapshot } from './with-snapshot.ts';

export interface SnapshotsPorts {
	holdings(): Promise<Holdings>;
	manifest(holding: Holding): Promise<Manifest>;
	/** Names of the databases that can be copied. */
	databases(): readonly string[];
	keys(): Promise<KnownKeys>;
	readonly submit: (kind: JobKind, request: unknown, by: string) => Promise<Job>;
	pin(holding: Holding, pinned: boolean): Promise<void>;
	/** Why a snapshot must stay, in sentences; empty where nothing speaks for it. */
	protectionsOf(holding: Holding, holdings: Holdings): readonly string[];
	remove(holding: Holding): Promise<void>;
	readonly now: () => number;
}

/** The keys that sealed snapshots can be opened with. */
export interface KnownKeys {
	readonly ids: ReadonlySet<string>;
	/** Why they cannot be read; undefined where they can. */
	readonly problem?: string;
}

const takeBody = v.strictObject({
	databases: v.optional(
		v.pipe(
			v.array(v.pipe(v.string('a name'), v.minLength(1, 'a name')), 'a list of names'),
			v.minLength(1, 'at least one name'),
			v.maxLength(1000, 'at most 1000 names')
		)
	),
	label: v.optional(v.pipe(v.string('a text'), v.maxLength(200, 'a text of at most 200 characters'))),
	pin: v.optional(v.boolean('true or false'), false),
});

const pinBody = v.strictObject({ pin: v.boolean('true or false') });
const verifyBody = v.strictObject({
	depth: v.optional(v.picklist(['checksums', 'deep'], 'checksums or deep'), 'deep'),
});

/** The catalogue, and what can be done with what is in it. */
export function snapshotsEndpoints(ports: SnapshotsPorts): readonly Endpoint[] {
	return [
		{
			path: 'custodian/snapshots',
			access: 'view',
			parameters: ['database', 'node', 'schedule', 'state', 'since', 'until', 'limit', 'after'],
			verbs: {
				GET: (request) => list(ports, request),
				POST: { access: 'operate', handler: (request) => take(ports, request) },
			},
		},
		{
			path: 'custodian/snapshots/{id}',
			access: 'view',
			parameters: ['force'],
			verbs: {
				GET: (request) => withSnapshot(ports, request, (holding) => show(ports, holding)),
				PATCH: { access: 'operate', handler: (request) => pin(ports, request) },
				DELETE: { access: 'operate', handler: (request) => remove(ports, request) },
			},
		},
		{
			path: 'custodian/snapshots/{id}/verify',
			access: 'operate',
			parameters: [],
			verbs: { POST: (request) => verify(ports, request) },
		},
	];
}

async function list(ports: SnapshotsPorts, { query }: RoutedRequest): Promise<HttpResponse> {
	const limit = limitOf(query);
	if (limit === undefined) return invalid('limit: expected a whole number from 1 to 1000.');
	const since = instantIn(query, 'since', -Infinity);
	const until = instantIn(query, 'until', Infinity);
	if (since === undefined || until === undefined)
		return invalid('since, until: expected an instant, as 2026-11-23T02:00:00Z.');
	const state = query.get('state');
	if (state !== null && state !== 'good' && state !== 'damaged') return invalid('state: expected good or damaged.');
	const [{ snapshots, unread }, keys] = await Promise.all([ports.holdings(), ports.keys()]);
	const after = query.get('after');
	const wanted = snapshots.filter((holding) => {
		const { entry } = bestCopy(holding);
		const takenAt = entry.summary?.takenAt;
		return (
			is(query, 'database', entry.database) &&
			is(query, 'node', entry.node) &&
			is(query, 'schedule', entry.summary?.schedule?.name) &&
			(state === null || (state === 'good') === (entry.problem === undefined)) &&
			(takenAt === undefined || (takenAt >= since && takenAt < until)) &&
			(after === null || holding.id < after)
		);
	});
	const page = wanted.slice(0, limit);
	return json(200, {
		snapshots: page.map((holding) => shown(holding, keys, ports.now())),
		...(wanted.length > limit ? { next: page.at(-1)?.id } : {}),
		complete: unread.length === 0,
		...(unread.length > 0 ? { unread } : {}),
	});
}

async function take(ports: SnapshotsPorts, request: RoutedRequest): Promise<HttpResponse> {
	const read = await readBody(request, takeBody);
	if ('refusal' in read) return read.refusal;
	const present = ports.databases();
	const { databases = ['*'], ...rest } = read.value;
	const missing = databases.find((name) => name !== '*' && !present.includes(name));
	if (missing !== undefined) {
		const message = `There is no database ${JSON.stringify(missing)}.`;
		return failure(400, 'database_missing', message, `There are ${present.join(', ')}.`);
	}
	return accepted(await ports.submit('snapshot', { databases: [...new Set(databases)], ...rest }, userOf(request)));
}

async function show(ports: SnapshotsPorts, holding: Holding): Promise<HttpResponse> {
	const keys = await ports.keys();
	const known = shown(holding, keys, ports.now());
	if (bestCopy(holding).entry.summary === undefined) return json(200, known);
	return json(200, { ...known, manifest: await ports.manifest(holding) });
}

async function pin(ports: SnapshotsPorts, request: RoutedRequest): Promise<HttpResponse> {
	const read = await readBody(request, pinBody);
	if ('refusal' in read) return read.refusal;
	return withEveryCopy(ports, request, async (holding) => {
		await ports.pin(holding, read.value.pin);
		return json(200, { id: holding.id, pinned: read.value.pin });
	});
}

async function remove(ports: SnapshotsPorts, request: RoutedRequest): Promise<HttpResponse> {
	const force = request.query.get('force') ?? 'false';
	if (force !== 'true' && force !== 'false') return invalid('force: expected true or false.');
	return withEveryCopy(ports, request, async (holding, holdings) => {
		const reasons = force === 'true' ? [] : ports.protectionsOf(holding, holdings);
		if (reasons.length > 0) {
			const hint = 'Take and verify a newer one first, or repeat with ?force=true.';
			return failure(409, 'snapshot_protected', `It stays: ${reasons.join(' ')}`, hint);
		}
		await ports.remove(holding);
		return json(200, { id: holding.id, removed: true });
	});
}

/** A change that misses a copy is undone by it: what is deleted comes back, what is let go stays pinned. */
function withEveryCopy(
	ports: SnapshotsPorts,
	request: RoutedRequest,
	change: (holding: Holding, holdings: Holdings) => Promise<HttpResponse>
): Promise<HttpResponse> {
	return withSnapshot(ports, request, async (holding, holdings) => {
		const [first] = holdings.unread;
		if (first === undefined) return change(holding, holdings);
		const message = `Nothing was changed: a copy may lie where nobody can look. ${first.place}: ${first.reason}`;
		return failure(503, 'repository_unreachable', message, 'Repeat it once every repository can be read.');
	});
}

async function verify(ports: SnapshotsPorts, request: RoutedRequest): Promise<HttpResponse> {
	const read = await readBody(request, verifyBody);
	if ('refusal' in read) return read.refusal;
	return withSnapshot(ports, request, async ({ id }) =>
		accepted(await ports.submit('verify', { ids: [id], depth: read.value.depth }, userOf(request)))
	);
}

/** A snapshot as clients see it. Sizes in bytes, ages in seconds. */
function shown(holding: Holding, keys: KnownKeys, now: number): object {
	const { entry } = bestCopy(holding);
	const { summary, verification } = entry;
	const obstacle = obstacleOf(entry, keys);
	return {
		id: entry.id,
		node: entry.node,
		database: entry.database,
		kind: summary?.kind,
		takenAt: isoOrUndefined(summary?.takenAt),
		label: summary?.label,
		schedule: summary?.schedule?.name,
		by: summary?.by,
		pinned: holding.copies.some((copy) => copy.entry.pinned),
		restorable: obstacle === undefined,
		...(obstacle === undefined ? {} : { obstacle }),
		tables: summary?.totals?.tables,
		rows: summary?.totals?.rows,
		auditEntries: summary?.totals?.auditEntries,
		sizeBytes: summary?.objects.reduce((sum, { plain }) => sum + plain.sizeBytes, 0),
		storedBytes: entry.storedBytes,
		encrypted: summary === undefined ? undefined : summary.sealing !== undefined,
		verification: verification && {
			at: toIso(verification.at),
			ageSeconds: Math.max(0, Math.round((now - verification.at) / 1000)),
			depth: verification.depth,
			result: verification.result,
			deepAt: isoOrUndefined(entry.deeplyVerifiedAt),
		},
		repositories: holding.copies.map(({ place, entry: copy }) => ({
			name: place.name,
			...(copy.problem === undefined ? {} : { problem: copy.problem }),
		})),
	};
}

/** Why a snapshot cannot be restored here and now. */
function obstacleOf({ summary, problem }: CatalogueEntry, keys: KnownKeys): string | undefined {
	if (problem !== undefined || summary === undefined) return problem;
	if (summary.kind === 'external') return 'It lies where the tool that took it has put it.';
	const keyId = summary.sealing?.keyId;
	if (keyId === undefined || keys.ids.has(keyId)) return undefined;
	return keys.problem ?? `The key ${keyId} is not in the configuration.`;
}

function is(query: URLSearchParams, parameter: string, value: string | undefined): boolean {
	const wanted = query.get(parameter);
	return wanted === null || wanted === value;
}

function instantIn(query: URLSearchParams, parameter: string, absent: number): number | undefined {
	const written = query.get(parameter);
	return written === null ? absent : instantOf(written);
}

function invalid(message: string): HttpResponse {
	return failure(400, 'invalid_parameter', message);
}

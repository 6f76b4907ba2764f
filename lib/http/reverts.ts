import * as v from 'valibot';
import { isFinal, type JobStore } from '../jobs/job.ts';
import type { Key } from '../record/key.ts';
import { toTagged } from '../record/tagged.ts';
import type { PlanStore } from '../revert/plan-file.ts';
import { policies, type RecordPlan } from '../revert/record-plan.ts';
import type { RevertRequest } from '../revert/revert-job.ts';
import { revertStates, type Left, type Revert, type RevertState, type RevertStore } from '../revert/revert.ts';
import { selectionSchema, type SelectionRequest } from '../revert/select.ts';
import { permits } from './access.ts';
import { readBody } from './body.ts';
import { failure, json, type Endpoint, type HttpResponse, type RoutedRequest } from './endpoint.ts';
import { userOf } from './jobs.ts';
import { limitOf } from './paging.ts';
import { isoOrUndefined } from './render.ts';
import { sightOf, type Sight } from './sight.ts';

export interface RevertsPorts {
	readonly reverts: RevertStore;
	readonly plans: PlanStore;
	readonly jobs: JobStore;
	/** Names of the databases of which changes can be taken back. */
	databases(): readonly string[];
	/** Names of the tables of such a database. */
	tables(database: string): readonly string[];
	/** An id that nobody else makes, and that sorts by time. */
	readonly newId: () => string;
	/** Puts a job of this id into the queue. */
	readonly submit: (id: string, request: RevertRequest, by: string) => Promise<void>;
	readonly now: () => number;
}

const text = (what: string, longest: number) => {
	const message = `${what} of 1 to ${longest} characters`;
	return v.pipe(v.string(message), v.trim(), v.minLength(1, message), v.maxLength(longest, message));
};

const askBody = (now: number) =>
	v.strictObject({
		database: text('a name', 1000),
		select: selectionSchema(now),
		policy: v.optional(v.picklist(policies, policies.join(', ')), 'merge'),
		reason: text('a reason', 1000),
		dryRun: v.optional(v.boolean('true or false'), false),
	});

const HASH = 'the hash of the plan that was reviewed';

const applyBody = v.strictObject({ plan: v.pipe(v.string(HASH), v.regex(/^[\da-f]{64}$/, HASH)) });

/** Takes changes back: asks for a plan, shows it, applies it, and tells what was done. */
export function revertsEndpoints(ports: RevertsPorts): readonly Endpoint[] {
	return [
		{
			path: 'custodian/reverts',
			access: 'operate',
			parameters: ['database', 'state', 'limit', 'after'],
			verbs: { GET: (request) => list(ports, request), POST: (request) => ask(ports, request) },
		},
		{
			path: 'custodian/reverts/{id}',
			access: 'operate',
			parameters: [],
			verbs: { GET: (request) => withRevert(ports, request, (revert) => json(200, shown(ports, request, revert))) },
		},
		{
			path: 'custodian/reverts/{id}/plan',
			access: 'operate',
			parameters: ['limit', 'cursor', 'decision'],
			verbs: { GET: (request) => withRevert(ports, request, (revert) => page(ports, request, revert)) },
		},
		{
			path: 'custodian/reverts/{id}/apply',
			access: 'operate',
			parameters: [],
			verbs: { POST: (request) => withRevert(ports, request, (revert) => apply(ports, request, revert)) },
		},
	];
}

async function ask(ports: RevertsPorts, request: RoutedRequest): Promise<HttpResponse> {
	const now = ports.now();
	const read = await readBody(request, askBody(now));
	if ('refusal' in read) return read.refusal;
	const { database, select, policy, reason, dryRun } = read.value;
	// Users and roles are the business of who may do everything.
	if (!mayTouch(request, database)) return superUserOnly();
	if (!ports.databases().includes(database)) {
		const message = `There is no database ${JSON.stringify(database)} whose changes are logged.`;
		return failure(400, 'database_missing', message, `There are ${ports.databases().join(', ')}.`);
	}
	const obstacle = obstacleOf(ports, database, select);
	if (obstacle) return obstacle;
	const id = ports.newId();
	const by = userOf(request);
	const revert: Revert = {
		id,
		database,
		select: toTagged(withoutAbsent(select)),
		policy,
		reason,
		by,
		askedAt: now,
		...(dryRun ? {} : { appliedBy: by }),
		state: 'planning',
		job: ports.newId(),
	};
	return submitted(ports, revert, { revert: id, apply: !dryRun }, by);
}

/** What the selection names has to be there: one that finds nothing would look as if nothing had been done. */
function obstacleOf(ports: RevertsPorts, database: string, select: SelectionRequest): HttpResponse | undefined {
	const { tables = [], ids = [], revert } = select;
	const known = ports.tables(database);
	const unknown = [...tables, ...ids.map(({ table }) => table)].find((name) => !known.includes(name));
	if (unknown !== undefined) {
		const message = `There is no table ${JSON.stringify(unknown)} in this database.`;
		return failure(400, 'table_missing', message, `There are ${known.join(', ')}.`);
	}
	return revert === undefined ? undefined : obstacleToRevert(ports, database, revert);
}

/** A revert can be reverted once it has written something, and it is known what. */
function obstacleToRevert({ reverts }: RevertsPorts, database: string, id: string): HttpResponse | undefined {
	const revert = ID.test(id) ? reverts.load(id) : undefined;
	if (revert === undefined || revert.database !== database) {
		return failure(400, 'revert_missing', `There is no revert ${JSON.stringify(id)} of this database.`);
	}
	// What ended while it was waiting to be gone on with has left no receipt of what it had written.
	if (revert.state === 'applying' && revert.applyingSince !== undefined) {
		const hint = 'If it is not being applied any more, apply it again: it goes on where it stopped.';
		return failure(409, 'revert_not_ended', 'What that revert has written is not known yet.', hint);
	}
	if ((revert.receipt?.versions.length ?? 0) > 0) return undefined;
	return failure(409, 'revert_wrote_nothing', 'That revert has written nothing, so there is nothing to take back.');
}

async function apply(ports: RevertsPorts, request: RoutedRequest, revert: Revert): Promise<HttpResponse> {
	const read = await readBody(request, applyBody);
	if ('refusal' in read) return read.refusal;
	const state = stateOf(ports, revert);
	const { plan } = revert;
	if (plan === undefined || state === 'planning') return conflict('not_planned', 'It has no plan yet.');
	if (plan.hash !== read.value.plan) {
		const message = 'That is not the plan of this revert.';
		return conflict('plan_differs', message, `Review GET /custodian/reverts/${revert.id}/plan once more.`);
	}
	if (state === 'applying') return conflict('already_applying', 'It is being applied.');
	if (state === 'applied') return conflict('already_applied', 'It has been applied.');
	if (state === 'refused') {
		const message = 'Somebody has made changes since, and its policy is to do nothing then.';
		return conflict('has_conflicts', message, 'Ask for it again with another policy.');
	}
	if ((await ports.plans.open(revert.id)) === undefined) return planRemoved();
	const by = userOf(request);
	const applying: Revert = { ...revert, state: 'applying', appliedBy: by, job: ports.newId(), error: undefined };
	return submitted(ports, applying, { revert: revert.id, apply: true }, by);
}

async function page(ports: RevertsPorts, { query, principal }: RoutedRequest, revert: Revert): Promise<HttpResponse> {
	const limit = limitOf(query);
	if (limit === undefined) return failure(400, 'invalid_parameter', 'limit: expected a whole number from 1 to 1000.');
	const cursor = query.get('cursor') ?? '0';
	if (!/^\d{1,15}$/.test(cursor)) return failure(400, 'invalid_parameter', 'cursor: expected what `next` said.');
	const decision = DECISIONS.find((known) => known === query.get('decision'));
	if (decision === undefined && query.has('decision'))
		return failure(400, 'invalid_parameter', `decision: expected ${DECISIONS.join(', ')}.`);
	if (revert.plan === undefined) return conflict('not_planned', 'It has no plan yet.');
	const plan = await ports.plans.open(revert.id);
	// One that somebody put there instead may be of another database.
	if (plan === undefined || plan.hash !== revert.plan.hash) return planRemoved();
	const { plans, next } = await plan.page(Number(cursor), limit, decision);
	return json(200, {
		revert: revert.id,
		hash: plan.hash,
		records: plans.map((record) => shownPlan(record, sightOf(principal), revert.database)),
		...(next === undefined ? {} : { next: String(next) }),
	});
}

const DECISIONS = ['write', 'delete', 'leave', 'impossible'] as const;

function list(ports: RevertsPorts, request: RoutedRequest): HttpResponse {
	const { query } = request;
	const limit = limitOf(query);
	if (limit === undefined) return failure(400, 'invalid_parameter', 'limit: expected a whole number from 1 to 1000.');
	const database = query.get('database');
	const state = query.get('state');
	if (state !== null && !revertStates.some((known) => known === state))
		return failure(400, 'invalid_parameter', `state: expected ${revertStates.join(', ')}.`);
	const after = query.get('after');
	const reverts: object[] = [];
	let last: string | undefined;
	for (const revert of ports.reverts.list()) {
		if (database !== null && revert.database !== database) continue;
		if (state !== null && stateOf(ports, revert) !== state) continue;
		if (after !== null && revert.id >= after) continue;
		if (!mayTouch(request, revert.database)) continue;
		if (reverts.length === limit) return json(200, { reverts, next: last });
		reverts.push(brief(ports, revert));
		last = revert.id;
	}
	return json(200, { reverts });
}

/** A text that is no id never reaches the store. */
const ID = /^[\w-]{1,64}$/;

function withRevert(
	{ reverts }: RevertsPorts,
	request: RoutedRequest,
	answer: (revert: Revert) => Promise<HttpResponse> | HttpResponse
): Promise<HttpResponse> | HttpResponse {
	const { id = '' } = request.parts;
	const revert = ID.test(id) ? reverts.load(id) : undefined;
	if (revert === undefined) {
		return failure(404, 'revert_missing', 'There is no such revert.', 'GET /custodian/reverts lists them.');
	}
	return mayTouch(request, revert.database) ? answer(revert) : superUserOnly();
}

function mayTouch({ principal }: RoutedRequest, database: string): boolean {
	return database !== 'system' || permits(principal, 'administer');
}

function superUserOnly(): HttpResponse {
	return failure(403, 'forbidden', 'This user may not do that.', 'The database system is for a super_user alone.');
}

/** A job that ended before it could say so has left its revert in between. */
function stateOf({ jobs }: RevertsPorts, { state, job: id }: Revert): RevertState {
	if (state !== 'planning' && state !== 'applying') return state;
	const job = jobs.load(id);
	if (job === undefined) return 'interrupted';
	if (!isFinal(job.state) || job.state === 'succeeded') return state;
	return job.state === 'cancelled' || job.state === 'interrupted' ? job.state : 'failed';
}

/** A revert as clients see it. Instants in ISO 8601. */
function shown(ports: RevertsPorts, { principal }: RoutedRequest, revert: Revert): object {
	const { plan, receipt, error, applyingSince, database } = revert;
	const named = (left: readonly Left[]) =>
		left.map((one) =>
			sightOf(principal).of(database, { name: one.table, primaryKey: '' }) ? one : { ...one, id: HIDDEN }
		);
	return {
		...brief(ports, revert),
		applyingSince: isoOrUndefined(applyingSince),
		plan: plan && {
			hash: plan.hash,
			plannedAt: isoOrUndefined(plan.plannedAt),
			tookMs: plan.tookMs,
			totals: plan.totals,
		},
		receipt: receipt && {
			...receipt,
			drifted: named(receipt.drifted),
			impossible: named(receipt.impossible),
			startedAt: isoOrUndefined(receipt.startedAt),
			endedAt: isoOrUndefined(receipt.endedAt),
		},
		error,
	};
}

function brief(ports: RevertsPorts, revert: Revert): object {
	const { id, database, select, policy, reason, by, appliedBy, askedAt, job, plan, receipt } = revert;
	return {
		id,
		state: stateOf(ports, revert),
		database,
		select,
		policy,
		reason,
		by,
		appliedBy,
		askedAt: isoOrUndefined(askedAt),
		job,
		hash: plan?.hash,
		counts: receipt?.counts,
	};
}

/** Values as they are tagged, so that none of them is shown as another one; what must not be seen is `$hidden`. */
function shownPlan(record: RecordPlan, sight: Sight, database: string): object {
	const { table, id, decision, attributes, conflicts, selected } = record;
	const seen = sight.of(database, { name: table, primaryKey: '' });
	return {
		table,
		id: seen ? toTagged(id satisfies Key) : HIDDEN,
		decision: decision.kind,
		...(decision.kind === 'impossible' ? { code: decision.code } : {}),
		reason: decision.reason,
		selected,
		attributes: attributes.map(({ name, base, bad, live, outcome }) => {
			const value = seen?.shows(name) === true ? shownValue : hiddenValue;
			return { name, outcome, base: value(base), bad: value(bad), live: value(live) };
		}),
		conflicts,
	};
}

const HIDDEN = { $hidden: true };

/** What is absent stays out of the answer. */
function shownValue(value: unknown): unknown {
	return value === undefined ? undefined : toTagged(value);
}

function hiddenValue(value: unknown): unknown {
	return value === undefined ? undefined : HIDDEN;
}

function withoutAbsent(select: SelectionRequest): object {
	return Object.fromEntries(Object.entries(select).filter(([, value]) => value !== undefined));
}

/** The revert is saved before its job, so that none is ever done that nobody can find. */
async function submitted(
	ports: RevertsPorts,
	revert: Revert,
	request: RevertRequest,
	by: string
): Promise<HttpResponse> {
	await ports.reverts.save(revert);
	await ports.submit(revert.job, request, by);
	return json(202, brief(ports, revert), { Location: `/custodian/reverts/${revert.id}` });
}

function conflict(code: string, message: string, hint?: string): HttpResponse {
	return failure(409, code, message, hint);
}

function planRemoved(): HttpResponse {
	const hint = 'The newest hundred are kept for thirty days. Ask for the revert again.';
	return failure(410, 'plan_removed', 'Its plan has been removed.', hint);
}

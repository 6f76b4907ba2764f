import { toIso } from '../time.ts';
import type { Event, Failure, MassChange } from './event.ts';

/** A later version may add fields; what is removed or changes its meaning raises this number. */
const NOTIFICATION_VERSION = 1;

/** The JSON that is posted: docs/notifications.md describes it. Absent facts are absent. */
export interface Notification {
	readonly version: typeof NOTIFICATION_VERSION;
	/** The same at every attempt to deliver it. */
	readonly id: string;
	readonly event: Event['kind'];
	readonly at: string;
	readonly node: string;
	/** The version of harper-custodian. */
	readonly custodian: string;
	/** For people. */
	readonly message: string;
	readonly details: Details;
}

type Details =
	| { readonly schedule?: string; readonly database?: string; readonly error: Failure }
	| {
			readonly schedule: string;
			readonly occurrence: string;
			readonly dueAt: string;
			readonly graceSeconds: number;
			readonly lastSuccessAt?: string;
	  }
	| { readonly snapshot: string; readonly place?: string; readonly error: Failure }
	| { readonly job: string; readonly error: Failure }
	| (Omit<MassChange, 'beganAt'> & { readonly beganAt: string });

export interface NotificationFacts {
	readonly id: string;
	readonly at: number;
	readonly node: string;
	readonly custodian: string;
}

export function notificationOf(event: Event, { id, at, node, custodian }: NotificationFacts): Notification {
	const head = { version: NOTIFICATION_VERSION, id, event: event.kind, at: toIso(at), node, custodian } as const;
	return { ...head, ...tell(event) };
}

type Told = Pick<Notification, 'message' | 'details'>;
type Kind<K extends Event['kind']> = Extract<Event, { readonly kind: K }>;

function tell(event: Event): Told {
	if (event.kind === 'snapshot_failed') return tellFailed(event);
	if (event.kind === 'schedule_late') return tellLate(event);
	if (event.kind === 'verification_failed') return tellUnverified(event);
	if (event.kind === 'mass_change') return tellMassChange(event);
	return tellUpkeep(event);
}

function tellFailed({ schedule, database, error }: Kind<'snapshot_failed'>): Told {
	const what = database === undefined ? 'Taking snapshots' : `Taking a snapshot of ${database}`;
	const who = schedule === undefined ? '' : `, which the schedule ${schedule} asked for,`;
	return {
		message: `${what}${who} failed: ${error.message}`,
		details: { ...present({ schedule, database }), error: failure(error) },
	};
}

function tellLate({ schedule, occurrence, dueAt, graceMs, lastSuccessAt }: Kind<'schedule_late'>): Told {
	const due = toIso(dueAt);
	const last = lastSuccessAt === undefined ? undefined : toIso(lastSuccessAt);
	const known = last === undefined ? 'No success of it is known.' : `It last succeeded at ${last}.`;
	return {
		message: `The schedule ${schedule} was due at ${due}, and that run has not succeeded. ${known}`,
		details: { schedule, occurrence, dueAt: due, graceSeconds: graceMs / 1000, ...present({ lastSuccessAt: last }) },
	};
}

function tellUnverified({ snapshot, place, error }: Kind<'verification_failed'>): Told {
	const where = place === undefined ? '' : ` in ${place}`;
	return {
		message: `The snapshot ${snapshot}${where} did not verify: ${error.message}`,
		details: { snapshot, ...present({ place }), error: failure(error) },
	};
}

const UPKEEP: Readonly<Record<string, string>> = {
	copy: 'Making up for missing copies',
	prune: 'Pruning old snapshots',
	reconcile: 'Removing what belongs to no snapshot',
};

function tellUpkeep({ job, error }: Kind<'upkeep_failed'>): Told {
	return { message: `${UPKEEP[job] ?? job} failed: ${error.message}`, details: { job, error: failure(error) } };
}

const DONE = { delete: 'deleted', overwrite: 'overwrote' } as const;

function tellMassChange(event: Kind<'mass_change'>): Told {
	const { change, database, table, user, reason, limit, changes, records, tableRecords, bookmark } = event;
	const beganAt = toIso(event.beganAt);
	const who = user === undefined ? 'Somebody whom the log does not name' : `The user ${user}`;
	const many = reason === 'rate' ? `${changes} times` : `${records} of about ${tableRecords} records`;
	const did = `${DONE[change]} in ${database}.${table}`;
	const allowed = reason === 'rate' ? `${limit} in a minute are` : `a share of ${limit} in a minute is`;
	const kept = bookmark === undefined ? 'No bookmark could be made.' : `The bookmark ${bookmark} stands before it.`;
	return {
		message: `${who} ${did} ${many} since ${beganAt}, where ${allowed} usual. ${kept}`,
		details: {
			change,
			database,
			table,
			...present({ user }),
			reason,
			limit,
			changes,
			records,
			...(tableRecords === undefined ? {} : { tableRecords }),
			beganAt,
			...present({ bookmark }),
		},
	};
}

/** Only what belongs into it: what is handed in may carry more. */
function failure({ code, message, hint }: Failure): Failure {
	return { code, message, ...(hint === undefined ? {} : { hint }) };
}

function present<K extends string>(fields: Readonly<Record<K, string | undefined>>): { readonly [P in K]?: string } {
	// Object.fromEntries forgets which keys it was given.
	// oxlint-disable-next-line typescript/no-unsafe-type-assertion
	return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as { [P in K]?: string };
}

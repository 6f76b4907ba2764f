/** What an operator wants to hear of without looking. */
export type Event =
	| {
			readonly kind: 'snapshot_failed';
			/** Absent where a user asked for the snapshot. */
			readonly schedule?: string | undefined;
			/** Absent where the run failed before it came to any database. */
			readonly database?: string | undefined;
			readonly error: Failure;
	  }
	| ({ readonly kind: 'schedule_late' } & Lateness)
	| {
			readonly kind: 'verification_failed';
			readonly snapshot: string;
			/** The repository that it lies in, `main` or the name of a copy; absent where it lies nowhere. */
			readonly place?: string | undefined;
			readonly error: Failure;
	  }
	| {
			readonly kind: 'upkeep_failed';
			/** What was being done: `copy`, `prune` or `reconcile`. */
			readonly job: string;
			readonly error: Failure;
	  }
	| ({ readonly kind: 'mass_change' } & MassChange);

export const eventKinds = [
	'snapshot_failed',
	'schedule_late',
	'verification_failed',
	'upkeep_failed',
	'mass_change',
] as const satisfies Event['kind'][];

/** An occurrence that has not succeeded in time. Instants are wall clock, milliseconds. */
export interface Lateness {
	readonly schedule: string;
	readonly occurrence: string;
	readonly dueAt: number;
	/** How long it was given after that. */
	readonly graceMs: number;
	/** The last success of the schedule; absent where there was none. */
	readonly lastSuccessAt?: number | undefined;
}

/** What one user did to one table within a minute, and why that is unusual. Instants are wall clock, milliseconds. */
export interface MassChange {
	readonly change: 'delete' | 'overwrite';
	readonly database: string;
	readonly table: string;
	/** Absent where the log names nobody. */
	readonly user?: string | undefined;
	/** Whether it is too much for a minute, or for the table. */
	readonly reason: 'rate' | 'share';
	/** What was passed: changes per minute, or a share from 0 to 1. */
	readonly limit: number;
	readonly changes: number;
	readonly records: number;
	/** How many records the table had, where that matters. */
	readonly tableRecords?: number | undefined;
	readonly beganAt: number;
	/** The bookmark just before it; absent where none could be made. */
	readonly bookmark?: string | undefined;
}

/** What went wrong: the code is stable, the message is for people. */
export interface Failure {
	readonly code: string;
	readonly message: string;
	readonly hint?: string | undefined;
}

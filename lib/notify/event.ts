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
	  };

export const eventKinds = [
	'snapshot_failed',
	'schedule_late',
	'verification_failed',
	'upkeep_failed',
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

/** What went wrong: the code is stable, the message is for people. */
export interface Failure {
	readonly code: string;
	readonly message: string;
	readonly hint?: string | undefined;
}

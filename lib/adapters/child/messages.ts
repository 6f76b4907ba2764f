import type { JobError } from '../../jobs/job.ts';
import type { Progress } from '../../jobs/progress.ts';

/** What the parent says: first the task, later perhaps that it is no longer wanted. */
export type ToChild = { readonly task: unknown } | { readonly cancel: true };

export type FromChild =
	| { readonly progress: Progress }
	/** Said now and then, whatever the task does: a process that hangs says nothing. */
	| { readonly alive: true }
	| { readonly result: unknown }
	| { readonly error: JobError & { readonly subject: string } };

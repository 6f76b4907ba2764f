import { CustodianError, messageOf } from '../../errors.ts';
import { isFinal, parseJob, type Job, type JobStore } from '../../jobs/job.ts';
import { asFields, stringIn } from './fields.ts';
import type { Store } from './host.ts';
import type { State } from './state.ts';

/** Sorts behind every key that begins with the prefix: ids are ASCII. */
const END = '\u{FFFF}';

/** Keeps jobs in a table of ours, past the table layer like the checkpoints, under `job/`, `active/` and `cancel/`. */
export function harperJobStore(state: State): JobStore {
	const store = () => {
		const current = state.store();
		current.resetReadTxn();
		return current;
	};
	const load = (id: string) => read(store(), `job/${id}`);
	return {
		load,
		async save(job) {
			const current = store();
			const active = `active/${job.id}`;
			await committed(job.id, [
				current.put(`job/${job.id}`, { id: `job/${job.id}`, text: JSON.stringify(job) }),
				isFinal(job.state) ? current.remove(active) : current.put(active, { id: active }),
			]);
		},
		*list() {
			for (const { value } of store().getRange({ start: `job/${END}`, end: 'job/', reverse: true })) {
				const job = parse(value);
				if (job) yield job;
			}
		},
		*active() {
			// Read to the end first: whoever takes a job changes what is listed here.
			const keys = Array.from(store().getKeys({ start: 'active/', end: `active/${END}` }));
			for (const key of keys) {
				const job = load(String(key).slice('active/'.length));
				if (job) yield job;
			}
		},
		async remove(id) {
			const current = store();
			await committed(
				id,
				['job', 'active', 'cancel'].map((kind) => current.remove(`${kind}/${id}`))
			);
		},
		async requestCancel(id) {
			await committed(id, [store().put(`cancel/${id}`, { id: `cancel/${id}` })]);
		},
		isCancelRequested: (id) => store().get(`cancel/${id}`) !== undefined,
	};
}

function read(store: Store, key: string): Job | undefined {
	return parse(store.get(key));
}

function parse(record: unknown): Job | undefined {
	const text = stringIn(asFields(record), 'text');
	return text === undefined ? undefined : parseJob(text);
}

/** All writes are queued in the same turn, so LMDB commits them in one transaction. */
async function committed(id: string, writes: readonly Promise<boolean>[]): Promise<void> {
	try {
		await Promise.all(writes);
	} catch (error) {
		const hint = 'Is the disk full?';
		throw new CustodianError('state_not_saved', id, `The job is not saved: ${messageOf(error)}.`, {
			cause: error,
			hint,
		});
	}
}

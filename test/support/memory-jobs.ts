import { isFinal, type Job, type JobStore } from '../../lib/jobs/job.ts';

/** Jobs as long as the test runs, kept as JSON, as every store keeps them. */
export class MemoryJobs implements JobStore {
	readonly #jobs = new Map<string, string>();
	readonly #cancelled = new Set<string>();
	/** Throws where a test wants the store to fail. */
	onSave: (job: Job) => void = () => {};

	load(id: string): Job | undefined {
		const text = this.#jobs.get(id);
		return text === undefined ? undefined : JSON.parse(text);
	}

	async save(one: Job): Promise<void> {
		this.onSave(one);
		this.#jobs.set(one.id, JSON.stringify(one));
	}

	list(): Job[] {
		const ids = [...this.#jobs.keys()].sort().toReversed();
		return ids.flatMap((id) => this.load(id) ?? []);
	}

	active(): Job[] {
		return this.list()
			.filter(({ state }) => !isFinal(state))
			.toReversed();
	}

	async remove(id: string): Promise<void> {
		this.#jobs.delete(id);
		this.#cancelled.delete(id);
	}

	async requestCancel(id: string): Promise<void> {
		this.#cancelled.add(id);
	}

	isCancelRequested(id: string): boolean {
		return this.#cancelled.has(id);
	}
}

export function job(changes: Partial<Job> = {}): Job {
	return { id: 'j1', kind: 'verify', request: {}, state: 'queued', submittedAt: 0, ...changes };
}

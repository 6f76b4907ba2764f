import { rm } from 'node:fs/promises';
import { runInChild } from '../adapters/child/parent.ts';
import type { StoredFacts, Workshop } from '../snapshot/take-job.ts';
import { scratchOf, type Surroundings } from './surroundings.ts';
import type { ChildTask } from './task.ts';

/** A process of its own for each task: what it opens, compresses or encrypts cannot hurt the database. */
export function workshopOf(surroundings: Surroundings, repositoryIds: () => ChildTask['repositoryIds']): Workshop {
	const entry = new URL('./child.js', import.meta.url);
	const run = (
		task: Pick<ChildTask, 'kind' | 'task'>,
		...rest: readonly [Parameters<typeof runInChild>[2], AbortSignal]
	) => runInChild(entry, { ...task, surroundings, repositoryIds: repositoryIds() }, ...rest);
	return {
		// The task says what it resolves with.
		// oxlint-disable-next-line typescript/no-unsafe-type-assertion
		store: async (task, ...rest) => (await run({ kind: 'store', task }, ...rest)) as StoredFacts,
		async verify(task, ...rest) {
			try {
				await run({ kind: 'verify', task }, ...rest);
			} finally {
				// A process that was killed removed nothing.
				await rm(scratchOf(surroundings), { recursive: true, force: true });
			}
		},
		copy: async (task, ...rest) => void (await run({ kind: 'copy', task }, ...rest)),
	};
}

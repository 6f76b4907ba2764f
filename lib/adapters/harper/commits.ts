import type { Commits } from '../../audit/watcher.ts';
import type { RootStore } from './host.ts';
import { listDatabases } from './stores.ts';

/** Tells of commits by any thread. LMDB forgets no listener, so each database gets one that lasts as long as itself. */
export function harperCommits(): Commits {
	const listeners = new WeakMap<RootStore, Set<() => void>>();
	return {
		subscribe(name, onCommit) {
			const database = listDatabases().find((candidate) => candidate.name === name);
			if (database === undefined) return () => {};
			const { root, tables } = database;
			let called = listeners.get(root);
			if (called === undefined) {
				const all = new Set<() => void>();
				called = all;
				listeners.set(root, all);
				tables[0]?.[1].primaryStore.on('committed', () => all.forEach((listener) => listener()));
			}
			called.add(onCommit);
			return () => void called.delete(onCommit);
		},
	};
}

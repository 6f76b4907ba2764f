import { harperHost } from './host.ts';

/** The parts of Harper's tables and of their LMDB stores that we use. None of these calls is metered. */

export interface TreeStats {
	readonly pageSize: number;
	readonly treeBranchPageCount: number;
	readonly treeLeafPageCount: number;
	readonly overflowPages: number;
	readonly entryCount: number;
}

/** The environment of a database; `stats` takes a fresh read transaction, as every reading should begin with. */
interface RootStore {
	readonly path: string;
	readonly dbisDb?: Store;
	getStats(): TreeStats & Readonly<Record<string, number>> & { readonly root: TreeStats; readonly free: TreeStats };
	readerList(): string;
}

export interface Store {
	readonly rootStore: RootStore;
	/** Counts of this one tree, in microseconds; valid only in the turn in which `rootStore.getStats()` was called. */
	readonly db: { stat(): TreeStats };
	/** Memory that all threads share under this key, made from `initial` when there is none. */
	getUserSharedBuffer?(key: readonly string[], initial: ArrayBuffer): ArrayBuffer;
	getRange(options: object): Iterable<{ readonly key: unknown; readonly value: unknown }>;
	get(key: string): unknown;
	put(key: string, value: object): Promise<boolean>;
	/** Lets the next reading see what was committed before it. */
	resetReadTxn(): void;
	/** True when this thread now holds the lock; otherwise `onReleased` is called once it may try again. */
	attemptLock(key: string, version: number, onReleased: () => void): boolean;
	unlock(key: string, version: number): boolean;
	hasLock(key: string, version: number): boolean;
}

interface Index {
	readonly db?: { stat(): TreeStats };
	getValuesCount?(value: string): number;
}

export interface TableClass {
	readonly primaryStore: Store;
	readonly auditStore?: Store;
	readonly indices: Readonly<Record<string, Index>>;
}

export interface Database {
	readonly name: string;
	readonly tables: readonly (readonly [name: string, table: TableClass])[];
	readonly root: RootStore;
	readonly auditStore: Store | undefined;
}

/** Every database with at least one table, `system` included (it is not enumerable). */
export function listDatabases(): readonly Database[] {
	const { databases } = harperHost();
	const list: Database[] = [];
	for (const name of Object.getOwnPropertyNames(databases)) {
		const tables = Object.entries(databases[name] ?? {});
		const root = tables[0]?.[1].primaryStore.rootStore;
		if (root === undefined) continue;
		list.push({ name, tables, root, auditStore: tables.find(([, table]) => table.auditStore)?.[1].auditStore });
	}
	return list;
}

export function systemTable(name: string): TableClass | undefined {
	return harperHost().databases['system']?.[name];
}

export function pageBytes(stats: TreeStats): number {
	return (stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages) * stats.pageSize;
}

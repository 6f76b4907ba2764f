import { harperHost, type RootStore, type Store, type TableClass, type TreeStats } from './host.ts';

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

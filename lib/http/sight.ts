import { permits, type Principal } from './access.ts';

/** What a user may see of the data, for the endpoints that show it. */
export interface Sight {
	/** Undefined for a table that must look as if it were not there. */
	of(database: string, table: { readonly name: string; readonly primaryKey: string }): TableSight | undefined;
}

/** What a user may see of one table. */
export interface TableSight {
	/** Whether every attribute that there may be is shown. */
	readonly isWhole: boolean;
	shows(attribute: string): boolean;
}

const WHOLE: TableSight = { isWhole: true, shows: () => true };
const SYSTEM = 'system';

/**
 * Operators see every table, viewers those that their role may read. Of Harper's own database everybody sees only what
 * is known to hold no secret.
 */
export function sightOf(principal: Principal): Sight {
	return {
		of(database, table) {
			const granted = grantedTo(principal, database, table);
			if (granted === undefined || database !== SYSTEM) return granted;
			const harmless = HARMLESS.get(table.name);
			return harmless && only((name) => harmless.has(name) && granted.shows(name));
		},
	};
}

function grantedTo(
	principal: Principal,
	database: string,
	{ name: table, primaryKey }: { readonly name: string; readonly primaryKey: string }
): TableSight | undefined {
	if (principal.kind === 'anonymous' || !permits(principal, 'view')) return undefined;
	if (permits(principal, 'operate')) return WHOLE;
	const granted = principal.grants?.get(database)?.get(table);
	if (granted === undefined) return undefined;
	const { attributes } = granted;
	// As Harper does: who may read a record may read what it is called.
	return attributes === undefined ? WHOLE : only((name) => name === primaryKey || attributes.has(name));
}

function only(shows: (attribute: string) => boolean): TableSight {
	return { isWhole: false, shows };
}

const STAMPS = ['__createdtime__', '__updatedtime__'];

/**
 * The tables of the database `system` that may be seen at all, and their harmless attributes. The others hold hashes,
 * tokens, private keys and requests with their credentials; of `hdb_session` the very keys are secret, and of
 * `hdb_session_will` a user object is part.
 */
const HARMLESS: ReadonlyMap<string, ReadonlySet<string>> = new Map(
	Object.entries({
		hdb_user: ['username', 'role', 'active'],
		hdb_role: ['id', 'role', 'permission', 'access'],
		hdb_job: ['id', 'user', 'type', 'status', 'start_datetime', 'end_datetime', 'created_datetime'],
		hdb_nodes: ['name', 'url', 'subscriptions', 'replicates', 'shard'],
		hdb_certificate: ['name', 'uses', 'is_authority', 'is_self_signed', 'details'],
		hdb_analytics_hostname: ['id', 'hostname'],
		hdb_info: ['info_id', 'data_version_num', 'hdb_version_num'],
		hdb_status: ['id', 'status'],
	}).map(([table, attributes]) => [table, new Set([...attributes, ...STAMPS])])
);

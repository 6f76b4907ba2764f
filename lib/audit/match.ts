import { compareBytes } from '../record/bytes.ts';
import { ownValue } from '../record/own-value.ts';
import { toTagged } from '../record/tagged.ts';
import { previousOf } from './change.ts';
import { decodeEntry, userOf, type AuditEntry } from './entry.ts';
import type { EntryFilter } from './filter.ts';
import type { AuditLog } from './log.ts';
import { keysOf, type Scope, type ScopedTable } from './scope.ts';

type Values = Readonly<Record<string, unknown>>;

/** Decides which entries a filter wants, the cheap questions first. */
export class Matcher {
	readonly #log: AuditLog;
	readonly #filter: EntryFilter;
	readonly #scope: Scope;
	readonly #keys = new Map<number, readonly Uint8Array[] | undefined>();

	constructor(log: AuditLog, filter: EntryFilter, scope: Scope) {
		this.#log = log;
		this.#filter = filter;
		this.#scope = scope;
		for (const [tableId, { table }] of scope.tables) this.#keys.set(tableId, keysOf(filter.ids, table));
	}

	/** Whether values have to be read to decide. */
	get needsValues(): boolean {
		return this.#filter.fields.length > 0;
	}

	/** Whether an entry is wanted as far as it says itself. Throws a `RangeError` where its user is none. */
	wantsEntry(bytes: Uint8Array, entry: AuditEntry): boolean {
		const { tableId, version, action, operation, nodeId, recordId } = entry;
		const { transaction, actions, operations, nodes, users, ids } = this.#filter;
		if (!this.#scope.tables.has(tableId) && !(this.#scope.withDropped && ids.length === 0)) return false;
		if (transaction !== undefined && version !== transaction) return false;
		if (actions.size > 0 && !actions.has(action)) return false;
		if (operations.size > 0 && (operation === undefined || !operations.has(operation))) return false;
		const keys = this.#keys.get(tableId);
		if (keys !== undefined && !keys.some((key) => isAt(key, bytes, recordId))) return false;
		if (nodes.size > 0 && !nodes.has(this.#log.nodeName(nodeId) ?? '')) return false;
		return users.size === 0 || users.has(userOf(bytes, entry) ?? '');
	}

	/** Whether one of the attributes was written: said in a patch, or another one in a put than in the put before. */
	wantsValues(entry: AuditEntry, values: Values | undefined, table: ScopedTable | undefined): boolean {
		const { fields } = this.#filter;
		if (fields.length === 0) return true;
		if (values === undefined || table === undefined) return false;
		const written = fields.filter((field) => table.shows(field) && Object.hasOwn(values, field));
		if (written.length === 0 || entry.action !== 'put') return written.length > 0;
		const before = this.#putBefore(entry);
		return before === undefined || written.some((field) => !isSame(ownValue(values, field), ownValue(before, field)));
	}

	#putBefore(entry: AuditEntry): Values | undefined {
		const previous = previousOf(entry);
		const bytes = previous === undefined ? undefined : this.#log.row(previous);
		if (bytes === undefined) return undefined;
		const before = decodeEntry(bytes);
		// Of a superseded entry the previous one is any.
		const isBefore = before.action === 'put' && before.tableId === entry.tableId;
		return isBefore ? this.#log.valuesOf(bytes, before) : undefined;
	}
}

function isAt(key: Uint8Array, bytes: Uint8Array, { start, end }: AuditEntry['recordId']): boolean {
	return end - start === key.length && compareBytes(key, 0, key.length, bytes, start, end) === 0;
}

function isSame(one: unknown, other: unknown): boolean {
	return JSON.stringify(toTagged(one)) === JSON.stringify(toTagged(other));
}

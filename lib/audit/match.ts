import { compareBytes } from '../record/bytes.ts';
import { isSame } from '../record/equal.ts';
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

	/** Whether one of the attributes was written: named by a patch, or by a put other than by the entry before it. */
	wantsValues(
		bytes: Uint8Array,
		entry: AuditEntry,
		values: Values | undefined,
		table: ScopedTable | undefined
	): boolean {
		if (this.#filter.fields.length === 0) return true;
		if (values === undefined || table === undefined) return false;
		const fields = this.#filter.fields.filter((field) => table.shows(field));
		const before = entry.action === 'put' && fields.length > 0 ? this.#before(bytes, entry) : undefined;
		return fields.some((field) => {
			const has = Object.hasOwn(values, field);
			// What the entry before had, and a put has not, it has taken away.
			if (before === undefined || !Object.hasOwn(before.values, field)) return has;
			return !has || !before.isPut || !isSame(values[field], before.values[field]);
		});
	}

	#before(bytes: Uint8Array, entry: AuditEntry): { readonly values: Values; readonly isPut: boolean } | undefined {
		const previous = previousOf(entry);
		const others = previous === undefined ? undefined : this.#log.row(previous);
		if (others === undefined) return undefined;
		const before = decodeEntry(others);
		const { action, recordId, tableId } = before;
		if ((action !== 'put' && action !== 'patch') || tableId !== entry.tableId) return undefined;
		// Of a superseded entry the previous one is any.
		if (!isAt(bytes.subarray(entry.recordId.start, entry.recordId.end), others, recordId)) return undefined;
		const values = this.#log.valuesOf(others, before);
		return values && { values, isPut: action === 'put' };
	}
}

function isAt(key: Uint8Array, bytes: Uint8Array, { start, end }: AuditEntry['recordId']): boolean {
	return end - start === key.length && compareBytes(key, 0, key.length, bytes, start, end) === 0;
}

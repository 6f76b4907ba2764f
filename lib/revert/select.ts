import * as v from 'valibot';
import type { Change } from '../audit/change.ts';
import type { AuditEntry } from '../audit/entry.ts';
import { momentOf } from '../audit/filter.ts';
import type { AuditLog } from '../audit/log.ts';
import { compareBytes } from '../record/bytes.ts';
import { LONGEST_ID_BYTES, LONGEST_KEY_BYTES, writeKey, type Key } from '../record/key.ts';
import { fromTagged, type Json } from '../record/tagged.ts';
import type { Takes } from './plan-record.ts';
import type { Taken } from './trace.ts';

const ACTIONS = ['put', 'delete', 'message', 'invalidate', 'patch', 'relocate'] as const;

/** Which changes of a database are to be taken back: those of which all of it is true. */
export interface Selection {
	/** Names of tables. */
	readonly tables?: readonly string[] | undefined;
	/** Records, each with its table. */
	readonly ids?: readonly RecordName[] | undefined;
	/** Attributes: only they are put back, and only in records that were there all the time. */
	readonly fields?: readonly string[] | undefined;
	/** Transactions, by their versions. */
	readonly transactions?: readonly number[] | undefined;
	/** Names of users; `null` for changes that name nobody. */
	readonly users?: readonly (string | null)[] | undefined;
	/** When the transaction was; both bounds count as within. */
	readonly since?: number | undefined;
	readonly until?: number | undefined;
	/** Names of the nodes that made the changes. */
	readonly nodes?: readonly string[] | undefined;
	readonly types?: readonly AuditEntry['action'][] | undefined;
	/** The transactions of an earlier revert. */
	readonly revert?: readonly number[] | undefined;
}

interface RecordName {
	readonly table: string;
	readonly id: Key;
}

const name = (what: string) => {
	const message = `the name of ${what}`;
	return v.pipe(v.string(message), v.minLength(1, message), v.maxLength(1000, message));
};

const list = <T extends v.GenericSchema>(member: T, what: string, longest = 1000) => {
	const message = `a list of 1 to ${longest} ${what}`;
	return v.optional(v.pipe(v.array(member, message), v.minLength(1, message), v.maxLength(longest, message)));
};

const KEY = 'a primary key: a text, a number, a truth value, `{"$bigint": "…"}`, or a list of them';

/** No key of a record is nearly as long; to read a number of a million digits would hold the event loop for seconds. */
const LONGEST_WRITTEN_KEY = 4096;

const key = v.pipe(
	v.custom<Json>((written) => written !== undefined, KEY),
	v.rawTransform(({ dataset, addIssue, NEVER }): Key => {
		try {
			const isShort = JSON.stringify(dataset.value).length <= LONGEST_WRITTEN_KEY;
			const read = isShort ? fromTagged(dataset.value) : undefined;
			if (isKey(read) && fits(keyBytes(read))) return read;
		} catch {
			// It is as little a key as what is of the wrong type.
		}
		addIssue({ message: KEY });
		return NEVER;
	})
);

function fits({ length }: Uint8Array): boolean {
	return length > 0 && length <= LONGEST_ID_BYTES;
}

const MOMENT = 'a moment: ISO 8601, milliseconds since 1970, or `-1h`';

const moment = (now: number) =>
	v.optional(
		v.pipe(
			v.union([v.string(), v.number()], MOMENT),
			v.rawTransform(({ dataset, addIssue, NEVER }): number => {
				const at = momentOf(String(dataset.value), now);
				if (typeof at === 'number') return at;
				addIssue({ message: MOMENT });
				return NEVER;
			})
		)
	);

/**
 * What a request says of a selection, with the moments as numbers and the earlier revert by its id: whoever knows that
 * revert replaces the id by its transactions. At least one key restricts it.
 */
export const selectionSchema = (now: number) =>
	v.pipe(
		v.strictObject(
			{
				tables: list(name('a table'), 'names'),
				ids: list(v.strictObject({ table: name('a table'), id: key }, 'a table and an id'), 'records'),
				fields: list(name('an attribute'), 'names'),
				transactions: list(v.pipe(v.number('a version'), v.finite('a version')), 'versions', 10_000),
				users: list(v.nullable(name('a user')), 'names'),
				since: moment(now),
				until: moment(now),
				nodes: list(name('a node'), 'names'),
				types: list(v.picklist(ACTIONS, `one of ${ACTIONS.join(', ')}`), 'types'),
				revert: v.optional(name('a revert')),
			},
			'an object'
		),
		v.check(
			(selection) => Object.values(selection).some((value) => value !== undefined),
			'at least one key: without any, all that was ever done would be taken back'
		),
		v.check(({ since = -Infinity, until = Infinity }) => since <= until, 'since before until')
	);

export type SelectionRequest = v.InferOutput<ReturnType<typeof selectionSchema>>;

/** A selection against one log: names are numbers and bytes by now. */
export class Selector implements Takes {
	readonly #tables: ReadonlySet<number> | undefined;
	readonly #ids: ReadonlyMap<number, readonly Uint8Array[]> | undefined;
	readonly #users: readonly Uint8Array[] | undefined;
	readonly #userNames: ReadonlySet<string | undefined> | undefined;
	readonly #nodes: ((nodeId: number) => boolean) | undefined;
	readonly #actions: ReadonlySet<string> | undefined;
	readonly #versions: readonly ReadonlySet<number>[];
	readonly #isOfRevert: boolean;
	readonly #since: number;
	readonly #until: number;
	readonly #taken: Taken;
	/** Transactions that are selected as a whole, whatever else the selection says. */
	readonly #whole = new Set<number>();

	constructor(selection: Selection, log: Pick<AuditLog, 'tables' | 'nodeName'>) {
		const { tables, ids, users, nodes, types, transactions, revert, fields } = selection;
		const numbers = new Map(log.tables().map((table) => [table.name, table.tableId]));
		this.#tables = tables && new Set(tables.map((table) => numbers.get(table) ?? NO_TABLE));
		this.#ids = ids && idsByTable(ids, numbers);
		this.#users = users?.map((user) => (user === null ? NOBODY : keyBytes(user)));
		this.#userNames = users && new Set(users.map((user) => user ?? undefined));
		this.#nodes = nodes && remembered((nodeId) => nodes.includes(log.nodeName(nodeId) ?? ''));
		this.#actions = types && new Set(types);
		this.#versions = [transactions, revert].flatMap((versions) => (versions ? [new Set(versions)] : []));
		this.#isOfRevert = revert !== undefined;
		this.#since = selection.since ?? -Infinity;
		this.#until = selection.until ?? Infinity;
		this.#taken = { fields: fields && new Set(fields) };
	}

	/** No selected change is older than this, by its version. */
	get oldest(): number {
		const oldest = this.#versions.reduce((latest, versions) => Math.max(latest, least(versions)), this.#since);
		return Math.min(oldest, least(this.#whole));
	}

	/** Whether changes of a table may be selected. An earlier revert has written to none that is not logged. */
	means(tableId: number): boolean {
		if (this.#isOfRevert) return false;
		return this.#tables?.has(tableId) !== false && this.#ids?.has(tableId) !== false;
	}

	/** Whether only some attributes are asked for, so that a header does not tell all. */
	get hasFields(): boolean {
		return this.#taken.fields !== undefined;
	}

	/** Whether any transaction is selected as a whole. */
	get hasWhole(): boolean {
		return this.#whole.size > 0;
	}

	/** Selects whole transactions as well. */
	add(versions: Iterable<number>): void {
		for (const version of versions) this.#whole.add(version);
	}

	/** Whether an entry may be selected, by its header alone: of an attribute it does not tell. Allocates nothing. */
	matchesHeader(bytes: Uint8Array, entry: AuditEntry): boolean {
		const { version, tableId, action, nodeId, user, recordId } = entry;
		if (this.#whole.size > 0 && this.#whole.has(version)) return true;
		if (version < this.#since || version > this.#until) return false;
		if (this.#tables !== undefined && !this.#tables.has(tableId)) return false;
		if (this.#actions !== undefined && !this.#actions.has(action)) return false;
		if (this.hasFields && entry.holds === 'nothing') return false;
		for (let i = 0; i < this.#versions.length; i++) if (!this.#versions[i]!.has(version)) return false;
		if (this.#nodes !== undefined && !this.#nodes(nodeId)) return false;
		if (this.#users !== undefined && !isOneOf(this.#users, bytes, user.start, user.end)) return false;
		if (this.#ids === undefined) return true;
		return isOneOf(this.#ids.get(tableId) ?? [], bytes, recordId.start, recordId.end);
	}

	/** Whether a change is selected. */
	matches({ version, tableId, action, nodeId, user, id }: Change): boolean {
		if (this.#whole.has(version)) return true;
		if (version < this.#since || version > this.#until) return false;
		if (this.#tables?.has(tableId) === false || this.#actions?.has(action) === false) return false;
		if (this.#versions.some((versions) => !versions.has(version))) return false;
		if (this.#nodes?.(nodeId) === false || this.#userNames?.has(user) === false) return false;
		if (this.#ids === undefined) return true;
		const bytes = keyBytes(id);
		return isOneOf(this.#ids.get(tableId) ?? [], bytes, 0, bytes.length);
	}

	/** What of a change is to be taken back. With attributes named, one that holds none of them is none of it. */
	of(change: Change): Taken | undefined {
		if (this.#whole.has(change.version)) return WHOLE;
		if (!this.matches(change)) return undefined;
		return this.hasFields && !this.#holdsField(change) ? undefined : this.#taken;
	}

	/** A whole record may have taken an attribute away. */
	#holdsField({ action, values }: Change): boolean {
		if (action === 'put') return true;
		if (action !== 'patch' || values === undefined) return false;
		return Object.keys(values).some((attribute) => this.#taken.fields?.has(attribute));
	}
}

const WHOLE: Taken = { fields: undefined };
const NOBODY = new Uint8Array();
const NO_TABLE = -1;

function idsByTable(
	ids: readonly RecordName[],
	numbers: ReadonlyMap<string, number>
): ReadonlyMap<number, readonly Uint8Array[]> {
	const byTable = new Map<number, Uint8Array[]>();
	for (const { table, id } of ids) {
		const tableId = numbers.get(table) ?? NO_TABLE;
		const keys = byTable.get(tableId) ?? [];
		keys.push(keyBytes(id));
		byTable.set(tableId, keys);
	}
	return byTable;
}

/** The bytes of a key as they stand in an entry. */
export function keyBytes(id: Key): Uint8Array {
	return Uint8Array.prototype.slice.call(room, 0, writeKey(id, room, 0));
}

const room = Buffer.alloc(2 * LONGEST_KEY_BYTES);

function isOneOf(candidates: readonly Uint8Array[], bytes: Uint8Array, start: number, end: number): boolean {
	for (let i = 0; i < candidates.length; i++) {
		const candidate = candidates[i]!;
		if (candidate.length === end - start && compareBytes(candidate, 0, candidate.length, bytes, start, end) === 0)
			return true;
	}
	return false;
}

function remembered(ask: (nodeId: number) => boolean): (nodeId: number) => boolean {
	const answers = new Map<number, boolean>();
	return (nodeId) => {
		const known = answers.get(nodeId);
		if (known !== undefined) return known;
		const answer = ask(nodeId);
		answers.set(nodeId, answer);
		return answer;
	};
}

function least(numbers: ReadonlySet<number>): number {
	let smallest = Infinity;
	for (const number of numbers) if (number < smallest) smallest = number;
	return smallest;
}

function isKey(value: unknown): value is Key {
	if (Array.isArray(value)) return value.length > 0 && value.every(isKey);
	if (typeof value === 'number') return Number.isFinite(value);
	return ['string', 'bigint', 'boolean'].includes(typeof value) || value instanceof Uint8Array;
}

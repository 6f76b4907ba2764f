import type { Change } from '../../lib/audit/change.ts';
import { inEffect } from '../../lib/audit/effect.ts';
import type { AuditEntry } from '../../lib/audit/entry.ts';
import type { AuditLog, AuditLogs, LiveRecord, LoggedTable, LogRow, LogSpan } from '../../lib/audit/log.ts';
import { applyChange, NEVER_WAS, recordOf, type RecordState } from '../../lib/audit/replay.ts';
import { canonicalBytes } from '../../lib/record/canonical.ts';
import { writeKey, type Key } from '../../lib/record/key.ts';
import { float64, int, uint32 } from './entry-bytes.ts';

type Values = Readonly<Record<string, unknown>>;

/** One write, as a test tells it. */
export interface MemoryWrite {
	/** By name; the first table by default. */
	readonly table?: string;
	readonly action: AuditEntry['action'];
	readonly id: Key;
	readonly values?: Values;
	readonly user?: string;
	readonly operation?: AuditEntry['operation'];
	readonly expiresAt?: number;
	readonly nodeId?: number;
	/** When it arrives; a millisecond after the one before by default. */
	readonly localTime?: number;
	/** When its transaction was; its arrival by default. */
	readonly version?: number;
	/** Attributes that stay when a record is invalidated. */
	readonly indexed?: readonly string[];
}

const BEGINNING = Date.UTC(2026, 0, 1);
const ACTIONS = ['put', 'delete', 'message', 'invalidate', 'patch', 'relocate'] as const;
const OPERATIONS = ['insert', 'update', 'upsert'] as const;

/**
 * An audit log in memory, with the records that follow from it: entries have Harper's binary headers, but in place of a
 * record stands a number by which its values are found. What is written shows after `refresh`, as in the real one.
 */
export class MemoryAuditLog implements AuditLog {
	readonly database: string;
	/** False for a Harper without `storage.caching`. */
	namesPrevious = true;
	/** By their arrival, in order. */
	readonly #rows: LogRow[] = [];
	readonly #values: (Values | undefined)[] = [];
	readonly #records = new Map<string, MemoryRecord>();
	readonly #nodes = new Map<number, string>([[0, 'this-node']]);
	readonly #tables: LoggedTable[];
	#seen: Seen = { rows: [], live: new Map(), removedUntil: undefined };
	#removedUntil: number | undefined;

	constructor(
		tables: readonly (string | (Partial<LoggedTable> & { readonly name: string }))[] = ['Thing'],
		database = 'data'
	) {
		this.database = database;
		this.#tables = tables.map((given, index) => ({
			tableId: index + 1,
			isAudited: true,
			isCaching: false,
			primaryKey: 'id',
			primaryKeyType: 'ID',
			updatedTime: undefined,
			createdTime: undefined,
			...(typeof given === 'string' ? { name: given } : given),
		}));
	}

	/** Writes as Harper does, and returns when that arrived. Writes of one version are of one transaction. */
	write({ table: name, action, id, values, nodeId = 0, indexed = [], ...given }: MemoryWrite): number {
		const table = name === undefined ? this.#tables[0] : this.#tables.find((one) => one.name === name);
		if (table === undefined) throw new Error(`There is no table ${name}`);
		const last = this.#rows.at(-1)?.localTime ?? BEGINNING;
		const localTime = given.localTime ?? last + 1;
		if (localTime <= last) throw new Error('Keys of the log only grow');
		const key = keyOf(table.tableId, id);
		const record = this.#records.get(key) ?? new MemoryRecord(id);
		const { version = localTime } = given;
		const change: Change = {
			localTime,
			version: action === 'message' && record.version > 0 ? record.version : version,
			action,
			operation: given.operation,
			nodeId,
			tableId: table.tableId,
			id,
			user: given.user,
			expiresAt: given.expiresAt,
			previousLocalTime: this.namesPrevious ? record.localTime : undefined,
			values: action === 'invalidate' ? record.keeping(indexed) : values,
		};
		const isSuperseded = record.supersedes(change);
		// Harper notes superseded puts and patches, and of others nothing.
		const isNoted = !isSuperseded || action === 'put' || action === 'patch';
		if (table.isAudited && isNoted) this.#append(change, isSuperseded ? 1 : change.previousLocalTime);
		if (!isSuperseded) {
			record.apply(change, table.isAudited);
			this.#records.set(key, record);
		}
		return localTime;
	}

	/** Removes what arrived before, as retention does: with its mark, and tombstones with the entry that made them. */
	removeBefore(before: number): void {
		const removed = this.#rows.filter(({ localTime }) => localTime < before);
		this.deleteRows(before);
		for (const { localTime } of removed) {
			for (const [key, record] of this.#records) {
				if (record.isDeleted && record.localTime === localTime) this.#records.delete(key);
			}
		}
		this.#removedUntil = removed.at(-1)?.localTime ?? this.#removedUntil;
	}

	/** Removes what arrived before, as `delete_audit_logs_before` does: without a mark. */
	deleteRows(before: number): void {
		const kept = this.#rows.filter(({ localTime }) => localTime >= before);
		this.#rows.splice(0, this.#rows.length, ...kept);
	}

	/** Removes a record as eviction does: without an entry. */
	evict(tableId: number, id: Key): void {
		this.#records.delete(keyOf(tableId, id));
	}

	/** Puts bytes into the log as they are, which may be no entry. */
	putRow(row: LogRow): void {
		this.#rows.push(row);
	}

	dropTable(name: string): void {
		const at = this.#tables.findIndex((table) => table.name === name);
		if (at >= 0) this.#tables.splice(at, 1);
	}

	nameNode(nodeId: number, name: string): void {
		this.#nodes.set(nodeId, name);
	}

	tables(): readonly LoggedTable[] {
		return [...this.#tables];
	}

	refresh(): void {
		const live = new Map(Array.from(this.#records, ([key, record]) => [key, record.live()]));
		this.#seen = { rows: [...this.#rows], live, removedUntil: this.#removedUntil };
	}

	*rows({ from, to, newestFirst }: LogSpan): Iterable<LogRow> {
		const { rows } = this.#seen;
		const first = firstFrom(rows, from);
		const behind = firstFrom(rows, to, true);
		if (newestFirst) for (let i = behind - 1; i >= first; i--) yield rows[i]!;
		else for (let i = first; i < behind; i++) yield rows[i]!;
	}

	row(localTime: number): Uint8Array | undefined {
		const row = this.#seen.rows[firstFrom(this.#seen.rows, localTime)];
		return row?.localTime === localTime ? row.bytes : undefined;
	}

	valuesOf(bytes: Uint8Array, { value, tableId }: AuditEntry): Values | undefined {
		if (value.start === value.end || !this.#tables.some((table) => table.tableId === tableId)) return undefined;
		if (value.end - value.start !== 4) throw new RangeError('it is no record');
		return this.#values[Buffer.from(bytes).readUInt32BE(value.start)];
	}

	live(tableId: number, id: Key): LiveRecord | undefined {
		return this.#seen.live.get(keyOf(tableId, id));
	}

	removedUntil(): number | undefined {
		return this.#seen.removedUntil;
	}

	nodeName(nodeId: number): string | undefined {
		return this.#nodes.get(nodeId);
	}

	#append(change: Change, previousLocalTime: number | undefined): void {
		const { localTime, values } = change;
		const bytes = entryBytes({ ...change, previousLocalTime }, values && this.#values.push(values) - 1);
		this.#rows.push({ localTime, bytes });
	}
}

/** The logs of an instance whose databases these are. */
export function memoryAuditLogs(...logs: readonly AuditLog[]): AuditLogs {
	const isLogged = (log: AuditLog) => log.tables().some(({ isAudited }) => isAudited);
	return {
		databases: () => logs.filter(isLogged).map(({ database }) => database),
		open: (name) => logs.find((log) => log.database === name && isLogged(log)),
	};
}

interface Seen {
	readonly rows: readonly LogRow[];
	readonly live: ReadonlyMap<string, LiveRecord>;
	readonly removedUntil: number | undefined;
}

/** What Harper keeps of one record, and what it is made of. */
class MemoryRecord {
	readonly id: Key;
	version = 0;
	localTime: number | undefined;
	#isInvalidated = false;
	readonly #changes: Change[] = [];

	constructor(id: Key) {
		this.id = id;
	}

	get isDeleted(): boolean {
		return this.#state().existence === 'absent';
	}

	/** Whether a newer write has made this one void when it arrives. */
	supersedes({ action, version }: Change): boolean {
		if (action === 'message' || version >= this.version) return false;
		if (action !== 'put' && action !== 'patch') return true;
		return this.#changes.some(
			(other) => other.version > version && (other.action === 'put' || other.action === 'delete')
		);
	}

	keeping(names: readonly string[]): Values {
		const values = recordOf(this.#state()) ?? {};
		return Object.fromEntries(Object.entries(values).filter(([name]) => names.includes(name)));
	}

	apply(change: Change, isLogged: boolean): void {
		this.#changes.push(change);
		this.version = change.version;
		if (isLogged) this.localTime = change.localTime;
		const { action } = change;
		if (action !== 'message') this.#isInvalidated = action === 'invalidate';
	}

	live(): LiveRecord {
		const { version, localTime } = this;
		const state = this.#state();
		const values = recordOf(state) ?? null;
		return { version, localTime, values, isInvalidated: this.#isInvalidated, expiresAt: state.expiresAt };
	}

	#state(): RecordState {
		return inEffect(this.#changes).reduce(applyChange, NEVER_WAS);
	}
}

function entryBytes(change: Change, valueNumber: number | undefined): Uint8Array {
	const { action, operation, previousLocalTime, nodeId, tableId, version, expiresAt, user } = change;
	const holds = valueNumber === undefined ? 0 : action === 'patch' || action === 'invalidate' ? 32 : 16;
	const flags = (ACTIONS.indexOf(action) + 1) | holds | (operation ? 2048 : 0) | (expiresAt === undefined ? 0 : 4096);
	return Buffer.concat([
		previousLocalTime === undefined ? Buffer.of() : float64(previousLocalTime > 1 ? previousLocalTime : JUNK),
		int(flags),
		int(nodeId),
		int(tableId),
		sized(change.id),
		float64(version),
		expiresAt === undefined ? Buffer.of() : float64(expiresAt),
		operation === undefined ? Buffer.of() : int(OPERATIONS.indexOf(operation) + 1),
		user === undefined ? int(0) : sized(user),
		valueNumber === undefined ? Buffer.of() : uint32(valueNumber),
	]);
}

/** Begins with the byte of a time, and leads nowhere. */
const JUNK = 2 ** 41;

function sized(key: Key): Buffer {
	const room = Buffer.alloc(2048);
	const bytes = room.subarray(0, writeKey(key, room, 0));
	return Buffer.concat([int(bytes.length), bytes]);
}

function keyOf(tableId: number, id: Key): string {
	return `${tableId}/${Buffer.from(canonicalBytes(id)).toString('hex')}`;
}

/** The place of the first row from a moment on, or of the first one after it. */
function firstFrom(rows: readonly LogRow[], at: number, after = false): number {
	let low = 0;
	let high = rows.length;
	while (low < high) {
		const middle = (low + high) >> 1;
		const { localTime } = rows[middle]!;
		if (localTime < at || (after && localTime === at)) low = middle + 1;
		else high = middle;
	}
	return low;
}

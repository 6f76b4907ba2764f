import { readChange } from '../../lib/audit/change.ts';
import { inEffect } from '../../lib/audit/effect.ts';
import type { MemoryAuditLog } from './memory-audit-log.ts';

/** A record as the model knows it; null where there is none. */
export type Values = Readonly<Record<string, unknown>>;

export interface Write {
	readonly table: string;
	readonly id: string;
	readonly action: 'put' | 'patch' | 'delete' | 'message';
	readonly values: Values | undefined;
	readonly user: string;
	readonly version: number;
	readonly localTime: number;
	/** As the log's changes have it. */
	readonly isFitted?: true;
}

/** What is selected, in the model's words. */
export interface ModelSelection {
	readonly takes: (write: Write) => boolean;
	readonly fields?: readonly string[] | undefined;
	/** Transactions that are selected as a whole, whatever the rest says. */
	readonly whole?: ReadonlySet<number> | undefined;
}

/**
 * A second opinion on what a revert leaves: two worlds are played side by side, the one that was, and the one without the
 * selected writes. A write of somebody else counts in the second for what it changed in the first.
 */
export function withoutSelected(writes: readonly Write[], { takes, fields, whole }: ModelSelection): Values | null {
	let real: Values | null = null;
	let other: Values | null = null;
	for (const write of effectiveOf(writes)) {
		if (write.action === 'message') continue;
		const before: Values | null = real;
		real = played(real, write);
		const isWhole = whole?.has(write.version) === true;
		const isTaken = takes(write);
		if (isWhole || (isTaken && fields === undefined)) continue;
		if (before === null || real === null) {
			if (before !== real) other = real;
			continue;
		}
		const changed = changedNames(before, real).filter((name) => !isTaken || !fields!.includes(name));
		if (changed.length === 0) continue;
		if (other === null) other = real;
		else for (const name of changed) other = withValue(other, name, valueAfter(other, real, name, write));
	}
	return other;
}

/** The record as all the writes have made it. */
export function withAll(writes: readonly Write[]): Values | null {
	return effectiveOf(writes).reduce<Values | null>(played, null);
}

/** The text of a record: equal ones have equal texts. */
export function textOf(values: Values | null): string {
	if (values === null) return 'none';
	const entries = Object.entries(values).filter(([, value]) => value !== undefined);
	return JSON.stringify(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What had an effect, as far as it had one: that is held to Harper elsewhere. */
export function effectiveOf(writes: readonly Write[]): readonly Write[] {
	let newest = 0;
	const effective: Write[] = [];
	for (const write of writes) {
		const { action, version } = write;
		const isLate = version < newest && action !== 'message';
		if (isLate && (action === 'delete' || effective.some((other) => settles(other) && other.version > version)))
			continue;
		effective.push(write);
		newest = version;
	}
	return inEffect(effective);
}

function settles({ action }: Write): boolean {
	return action === 'put' || action === 'delete';
}

function played(values: Values | null, { action, values: written = {}, isFitted }: Write): Values | null {
	if (action === 'message') return values;
	if (action === 'delete') return null;
	if (action === 'put' && isFitted !== true) return written;
	if (action === 'patch' && values === null && Object.keys(written).length === 0) return null;
	let patched: Values = values ?? {};
	for (const [name, value] of Object.entries(written)) {
		const added = addedBy(value);
		patched = withValue(patched, name, added === undefined ? value : sum(patched[name], added));
	}
	return patched;
}

function valueAfter(other: Values, real: Values, name: string, { action, values }: Write): unknown {
	const added = action === 'patch' ? addedBy(values?.[name]) : undefined;
	const left = other[name];
	return added !== undefined && typeof left === 'number' ? left + added : real[name];
}

/** The histories of the model have numbers, words and null only. */
function sum(before: unknown, added: number): number {
	return typeof before === 'number' ? before + added : added;
}

function addedBy(value: unknown): number | undefined {
	return typeof value === 'object' && value !== null ? Number(Reflect.get(value, 'value')) : undefined;
}

function changedNames(before: Values, after: Values): string[] {
	const names = new Set([...Object.keys(before), ...Object.keys(after)]);
	return [...names].filter((name) => before[name] !== after[name]);
}

function withValue(values: Values, name: string, value: unknown): Values {
	const { [name]: _, ...others } = values;
	return value === undefined ? others : { ...others, [name]: value };
}

/** Random histories of a few records, which the same number makes again. */
export class RandomHistory {
	readonly writes: Write[] = [];
	readonly #random: () => number;

	constructor(seed: number) {
		this.#random = randomFrom(seed);
	}

	below(limit: number): number {
		return Math.floor(this.#random() * limit);
	}

	oneOf<T>(choices: readonly T[]): T {
		return choices[this.below(choices.length)]!;
	}

	/** Writes transactions of one to three records, some of which arrive late. */
	extend(log: MemoryAuditLog, transactions: number, users: readonly string[]): void {
		for (let i = 0; i < transactions; i++) {
			const user = this.oneOf(users);
			const last = this.writes.at(-1)?.localTime ?? BEGINNING;
			const version = this.below(12) === 0 ? last + 10 - this.below(60) + fractionOf(i) : last + 10;
			const size = this.below(4) === 0 ? 1 + this.below(3) : 1;
			for (let n = 0; n < size; n++) this.#write(log, user, version, last + 10 + n);
		}
	}

	#write(log: MemoryAuditLog, user: string, version: number, localTime: number): void {
		const [table, id] = [this.oneOf(TABLES), this.oneOf(IDS)];
		const action = this.oneOf(ACTIONS);
		const values = action === 'delete' ? undefined : this.#values(action === 'patch');
		const write: Write = { table, id, action, user, version, localTime, values };
		log.write({ table, id, action, user, version, localTime, ...(values && { values }) });
		this.writes.push({ ...write, version: action === 'message' ? versionOf(log, localTime) : version });
	}

	#values(isPatch: boolean): Values {
		const values: Record<string, unknown> = {};
		for (const name of ATTRIBUTES) {
			const kind = this.below(10);
			if (kind < 4) continue;
			if (isPatch && kind < 7) values[name] = { __op__: 'add', value: this.below(5) - 2 };
			else if (kind === 9) values[name] = this.oneOf(['word', 'other', null]);
			else values[name] = this.below(4);
		}
		return values;
	}
}

/** No two transactions have one version. */
function fractionOf(transaction: number): number {
	return (1 + transaction) / 64;
}

/** A message takes that of its record. */
function versionOf(log: MemoryAuditLog, localTime: number): number {
	log.refresh();
	return readChange(log, localTime, log.row(localTime)!).version;
}

const BEGINNING = Date.UTC(2026, 0, 1);
export const TABLES = ['One', 'Two'];
export const IDS = ['x', 'y'];
export const ATTRIBUTES = ['a', 'b', 'c'];
const ACTIONS = ['put', 'put', 'patch', 'patch', 'patch', 'patch', 'delete', 'message'] as const;

/** Marsaglia's xorshift. */
function randomFrom(seed: number): () => number {
	let state = (seed ^ 0x9e3779b9) | 1;
	return () => {
		state ^= state << 13;
		state ^= state >>> 17;
		state ^= state << 5;
		return (state >>> 0) / 2 ** 32;
	};
}

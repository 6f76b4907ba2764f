import type { AuditLog, LogRow, LogSpan } from '../../lib/audit/log.ts';

/** A log of keys alone, in which a row may also arrive below others, as after the clock was set back. */
export class PlainLog implements AuditLog {
	readonly database = 'data';
	readonly namesPrevious = true;
	#keys: readonly number[] = [];
	#seen: readonly number[] = [];

	arrive(...keys: readonly number[]): void {
		this.#keys = [...this.#keys, ...keys].sort((a, b) => a - b);
	}

	refresh(): void {
		this.#seen = this.#keys;
	}

	*rows({ from, to, newestFirst }: LogSpan): Iterable<LogRow> {
		const keys = this.#seen.filter((key) => key >= from && key <= to);
		for (const localTime of newestFirst ? keys.toReversed() : keys) yield { localTime, bytes: new Uint8Array() };
	}

	tables = () => [];
	row = () => undefined;
	valuesOf = () => undefined;
	live = () => undefined;
	removedUntil = () => undefined;
	nodeName = () => undefined;
}

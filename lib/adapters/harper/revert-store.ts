import { CustodianError, messageOf } from '../../errors.ts';
import { parseRevert, type Revert, type RevertStore } from '../../revert/revert.ts';
import { asFields, stringIn } from './fields.ts';
import type { Store } from './host.ts';
import type { State } from './state.ts';

/** Sorts behind every key that begins with the prefix: ids are ASCII. */
const END = '\u{FFFF}';

/**
 * Keeps reverts in a table of ours, past the table layer like the jobs: under `revert/` by id, and under `made/` by
 * database and version the id of the revert that made the transaction.
 */
export function harperRevertStore(state: State): RevertStore {
	const store = () => {
		const current = state.store();
		current.resetReadTxn();
		return current;
	};
	return {
		load: (id) => parse(store().get(`revert/${id}`)),
		async save(revert) {
			const current = store();
			const { id, database, receipt } = revert;
			const known = parse(current.get(`revert/${id}`))?.receipt?.versions.length ?? 0;
			// A receipt only grows. The links come first: one that leads nowhere is passed over.
			const made = receipt?.versions.slice(known) ?? [];
			try {
				await Promise.all(made.map((version) => put(current, madeKey(database, version), { revert: id })));
				await put(current, `revert/${id}`, { text: JSON.stringify(revert) });
			} catch (error) {
				const hint = 'Is the disk full?';
				const message = `The revert is not saved: ${messageOf(error)}.`;
				throw new CustodianError('state_not_saved', id, message, { cause: error, hint });
			}
		},
		*list() {
			for (const { value } of store().getRange({ start: `revert/${END}`, end: 'revert/', reverse: true })) {
				const revert = parse(value);
				if (revert) yield revert;
			}
		},
		madeBy: (database, version) => stringIn(asFields(store().get(madeKey(database, version))), 'revert'),
	};
}

function put(store: Store, id: string, fields: object): Promise<boolean> {
	return store.put(id, { ...fields, id });
}

function madeKey(database: string, version: number): string {
	return `made/${database}/${version}`;
}

function parse(record: unknown): Revert | undefined {
	const text = stringIn(asFields(record), 'text');
	return text === undefined ? undefined : parseRevert(text);
}

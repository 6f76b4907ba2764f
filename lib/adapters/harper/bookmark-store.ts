import { formatBookmark, parseBookmark, type Bookmark, type BookmarkStore } from '../../bookmark/bookmark.ts';
import { CustodianError, messageOf } from '../../errors.ts';
import { asFields, stringIn } from './fields.ts';
import type { State } from './state.ts';

/** Keeps bookmarks in a table of ours, past the table layer like the checkpoints. */
export function harperBookmarks(state: State): BookmarkStore {
	const store = () => {
		const current = state.store();
		current.resetReadTxn();
		return current;
	};
	return {
		list: () => Array.from(store().getRange({ start: '' })).flatMap(({ value }) => parse(value) ?? []),
		load: (name) => parse(store().get(name)),
		async create(bookmark) {
			const current = store();
			const { name } = bookmark;
			let written: Promise<boolean> = Promise.resolve(true);
			const isFree = await saved(
				name,
				current.ifNoExists(name, () => {
					written = current.put(name, { id: name, text: formatBookmark(bookmark) });
					written.catch(() => undefined);
				})
			);
			await saved(name, written);
			return isFree;
		},
		async remove(name) {
			await saved(name, store().remove(name));
		},
	};
}

function parse(record: unknown): Bookmark | undefined {
	const text = stringIn(asFields(record), 'text');
	return text === undefined ? undefined : parseBookmark(text);
}

async function saved(name: string, write: Promise<boolean>): Promise<boolean> {
	try {
		return await write;
	} catch (error) {
		const hint = 'Is the disk full?';
		throw new CustodianError('state_not_saved', name, `The bookmark is not saved: ${messageOf(error)}.`, {
			cause: error,
			hint,
		});
	}
}

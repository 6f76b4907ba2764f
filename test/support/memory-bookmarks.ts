import { formatBookmark, parseBookmark, type Bookmark, type BookmarkStore } from '../../lib/bookmark/bookmark.ts';

/** Bookmarks as long as the test runs, kept as text, as every store keeps them. */
export class MemoryBookmarks implements BookmarkStore {
	readonly #texts = new Map<string, string>();

	list(): readonly Bookmark[] {
		return Array.from(this.#texts.values()).flatMap((text) => parseBookmark(text) ?? []);
	}

	load(name: string): Bookmark | undefined {
		return parseBookmark(this.#texts.get(name) ?? '');
	}

	async create(bookmark: Bookmark): Promise<boolean> {
		if (this.#texts.has(bookmark.name)) return false;
		this.#texts.set(bookmark.name, formatBookmark(bookmark));
		return true;
	}

	async remove(name: string): Promise<void> {
		this.#texts.delete(name);
	}
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const checkout = join(import.meta.dirname, '../..');

export function readPage(path: string): string {
	return readFileSync(join(checkout, path), 'utf8');
}

interface CodeBlock {
	readonly language: string;
	readonly text: string;
	/** The line of the page on which it begins, for the name of a test. */
	readonly line: number;
}

/** The fenced blocks of a page. */
export function codeBlocks(page: string): readonly CodeBlock[] {
	return [...page.matchAll(/^```(\w*)[^\n]*\n(.*?)^```$/gms)].map(({ 1: language = '', 2: text = '', index }) => ({
		language,
		text,
		line: page.slice(0, index).split('\n').length,
	}));
}

/** The `code` spans of a page, those in fenced blocks excepted. */
export function codeSpans(page: string): readonly string[] {
	const prose = page.replaceAll(/^```.*?^```$/gms, '');
	return [...prose.matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span);
}

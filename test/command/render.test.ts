import { describe, expect, test } from 'vitest';
import { grouped, size } from '../../lib/command/render/amounts.ts';
import { checkBackupText } from '../../lib/command/render/check-backup.ts';
import { extractText } from '../../lib/command/render/extract.ts';
import { helpText } from '../../lib/command/render/help.ts';
import { listText } from '../../lib/command/render/list.ts';
import { progressLine } from '../../lib/command/render/progress.ts';
import { table } from '../../lib/command/render/table.ts';
import { verifyText } from '../../lib/command/render/verify.ts';
import { SUBCOMMANDS, type SubcommandName } from '../../lib/command/options.ts';

test.each([
	[0, '0 B'],
	[999, '999 B'],
	[1000, '1.00 kB'],
	[123_456, '123 kB'],
	[12_345_678, '12.3 MB'],
	[5e15, '5000 TB'],
])('%d bytes are %s', (bytes, text) => {
	expect(size(bytes)).toBe(text);
});

test.each([
	[0, '0'],
	[999, '999'],
	[1234, '1,234'],
	[1_234_567, '1,234,567'],
])('%d is %s', (count, text) => {
	expect(grouped(count)).toBe(text);
});

test('a table is as wide as it has to be, with numbers to the right', () => {
	const rows = [
		['a', '1,200', 'x'],
		['longer', '7', ''],
	];
	expect(table(['NAME', 'ROWS', 'MORE'], rows)).toBe('NAME     ROWS  MORE\na       1,200  x\nlonger      7');
});

test('what strangers wrote does not reach the terminal as commands', () => {
	expect(table(['NAME'], [['\u001B[31mred\u0007\u202E']])).toBe('NAME\n?[31mred??');
});

describe('a list', () => {
	const snapshot = {
		id: 'ID1',
		node: 'n',
		database: 'shop',
		pinned: false,
		storedBytes: 10,
		repositories: [{ name: 'main' }],
	} as const;

	test('shows what is known, and a dash where nothing is', () => {
		const text = listText({ snapshots: [snapshot], complete: true, unread: [] });
		expect(text.split('\n')[1]).toBe('ID1  n     shop      -      -     -       10 B  never     good');
	});

	test('says what each is worth', () => {
		const states = [
			{ ...snapshot, problem: 'gone', keyId: 'k' },
			{ ...snapshot, kind: 'external' as const, pinned: true },
		];
		const lines = listText({ snapshots: states, complete: true, unread: [] }).split('\n');
		expect(lines.slice(1).map((line) => /never +(.*)$/.exec(line)?.[1])).toEqual([
			'damaged, encrypted',
			'external, pinned',
		]);
	});

	test('says that there is nothing only where it was looked', () => {
		expect(listText({ snapshots: [], complete: true, unread: [] })).toBe('No snapshots.');
		expect(listText({ snapshots: [], complete: false, unread: [{ place: 'main', reason: 'It is off.' }] })).toBe(
			'The repository main was not read: It is off.'
		);
	});
});

test('a verification says what came of each, and of all', () => {
	const text = verifyText({
		depth: 'deep',
		verified: [
			{ id: 'A', database: 'shop', repository: 'main', result: 'good' },
			{ id: 'B', result: 'bad', error: { code: 'x', message: 'Broken.', hint: 'Mend it.' } },
		],
		unread: [],
	});
	expect(text.split('\n').slice(1)).toEqual([
		'A   shop      main        good',
		'B   -         -           DAMAGED  Broken. Mend it.',
		'1 of 2 are good: opened, walked and compared.',
	]);
});

test('an extraction says where each directory of blobs belongs', () => {
	const text = extractText({
		id: 'ID',
		node: 'n',
		database: 'shop',
		takenAt: '2026-11-23T00:00:00.000Z',
		repository: 'main',
		databaseFile: '/to/shop.mdb',
		blobDirectories: [
			{ index: 0, path: '/to/blobs/shop' },
			{ index: 2, path: '/to/blobs-2/shop' },
		],
		blobFiles: 1200,
		blobsLeftOut: 0,
		blobsMissing: 3,
	});
	expect(text).toContain('Put all below /to/blobs/shop/ into <root>/blobs/shop/');
	expect(text).toContain('Put all below /to/blobs-2/shop/ into <storage.blobPaths[2]>/shop/');
	expect(text).toContain('3 blobs were missing or incomplete in the database itself');
});

test.each([
	[{ survives: true }, undefined, 'f survives a reboot and another machine.\n  Why.'],
	[
		{ survives: true },
		'g',
		'f survives a reboot and another machine.\n  Why.\nThere is nothing to mend, and no copy was written.',
	],
	[{ survives: false }, undefined, expect.stringContaining('Mend it with --mend')],
	[{ survives: false, mended: 'g' }, 'g', expect.stringContaining('g is a copy that survives.')],
])('a checked backup says what it is worth and what to do: %j', (found, mendTo, expected) => {
	const report = { file: 'f', reasons: ['Why.'], newest: '7', opensElsewhere: '6', ...found };
	expect(checkBackupText(report, mendTo)).toEqual(expected);
});

test.each([
	[{ bytes: 500, totalBytes: 2000, rows: 12_000 }, 'verify ID: 25 %, 500 B of 2.00 kB, 12,000 rows'],
	[{ bytes: 5000, totalBytes: 2000 }, 'verify ID: 100 %, 5.00 kB of 2.00 kB'],
	[{ bytes: 0, totalBytes: 0 }, 'verify ID: 0 B'],
])('progress %j is one line', (progress, line) => {
	expect(progressLine('ID', { step: 'verify', ...progress })).toBe(line);
});

test('the help names every option and every exit code', () => {
	for (const [name, { options }] of Object.entries(SUBCOMMANDS)) {
		const help = helpText(name as SubcommandName);
		for (const option of options) expect(help).toContain(`--${option.name}`);
		for (const code of ['0', '1', '2', '3', '130']) expect(help).toMatch(new RegExp(`^  ${code}\\b`, 'm'));
		expect(helpText(undefined)).toContain(name);
	}
});

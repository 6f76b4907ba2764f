import type { Depth } from '../snapshot/verify.ts';
import { usage, type Given, type ReadOptions } from './given.ts';
import { isSubcommand, SUBCOMMANDS, type SubcommandName } from './options.ts';
import { sourceOf, type Source } from './source.ts';

/** What the command line asks for. */
export type Request =
	| { readonly command: 'help'; readonly of: SubcommandName | undefined }
	| { readonly command: 'version' }
	| CheckBackupRequest
	| RepositoryRequest;

export type RepositoryRequest = ListRequest | ShowRequest | VerifyRequest | ExtractRequest;

/** How an answer is printed. */
interface Answered {
	readonly json: boolean;
}

interface OfRepository extends Answered {
	readonly source: Source;
	readonly keyFiles: readonly string[];
}

export interface ListRequest extends OfRepository {
	readonly command: 'list';
	readonly node: string | undefined;
	readonly database: string | undefined;
}

interface ShowRequest extends OfRepository {
	readonly command: 'show';
	readonly id: string;
}

export interface VerifyRequest extends OfRepository {
	readonly command: 'verify';
	readonly ids: readonly string[] | 'all';
	readonly depth: Depth;
	readonly scratch: string | undefined;
}

export interface ExtractRequest extends OfRepository {
	readonly command: 'extract';
	readonly id: string;
	readonly to: string;
	readonly databaseOnly: boolean;
}

export interface CheckBackupRequest extends Answered {
	readonly command: 'check-backup';
	readonly file: string;
	/** Where a mended copy is wanted. */
	readonly mendTo: string | undefined;
}

/** Throws `usage` for what cannot be understood. */
export function parseRequest([name, ...words]: readonly string[], read: ReadOptions): Request {
	if (name === undefined) throw usage('Which command?');
	if (name === '--help' || name === '-h' || name === 'help') return { command: 'help', of: undefined };
	if (name === '--version') return { command: 'version' };
	if (!isSubcommand(name)) throw usage(`There is no command ${JSON.stringify(name)}.`);
	const given = read(words, SUBCOMMANDS[name].options);
	return given.flag('help') ? { command: 'help', of: name } : PARSERS[name](given);
}

const PARSERS: Readonly<Record<SubcommandName, (given: Given) => Request>> = {
	'list': (given) => {
		none(given, 'list');
		return { command: 'list', ...ofRepository(given), node: given.text('node'), database: given.text('database') };
	},
	'show': (given) => ({ command: 'show', ...ofRepository(given), id: one(given, 'the ID of a snapshot') }),
	'verify': (given) => ({
		command: 'verify',
		...ofRepository(given),
		ids: wanted(given),
		depth: given.flag('deep') ? 'deep' : 'checksums',
		scratch: given.text('scratch'),
	}),
	'extract': (given) => ({
		command: 'extract',
		...ofRepository(given),
		id: one(given, 'the ID of a snapshot'),
		to: given.text('to') ?? missing('--to DIR'),
		databaseOnly: given.flag('database-only'),
	}),
	'check-backup': (given) => {
		const file = one(given, 'a file');
		const to = given.text('to');
		if (to !== undefined && !given.flag('mend')) throw usage('--to goes with --mend.');
		const mendTo = given.flag('mend') ? (to ?? `${file}.mended`) : undefined;
		return { command: 'check-backup', json: given.flag('json'), file, mendTo };
	},
};

function ofRepository(given: Given): OfRepository {
	const source = sourceOf(given);
	if ('problem' in source) throw usage(source.problem);
	return { json: given.flag('json'), source, keyFiles: given.texts('key-file') };
}

function wanted(given: Given): readonly string[] | 'all' {
	const { operands } = given;
	if (given.flag('all') === operands.length > 0) throw usage('Expected either IDs of snapshots or --all.');
	return operands.length > 0 ? [...new Set(operands)] : 'all';
}

function none({ operands: [first] }: Given, command: string): void {
	if (first !== undefined) throw usage(`${command} takes no ${JSON.stringify(first)}.`);
}

function one({ operands: [first, second] }: Given, what: string): string {
	if (first === undefined) return missing(what);
	if (second !== undefined) throw usage(`Expected ${what} alone, and not ${JSON.stringify(second)} as well.`);
	return first;
}

function missing(what: string): never {
	throw usage(`Expected ${what}.`);
}

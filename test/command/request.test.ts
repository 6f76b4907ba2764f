import { describe, expect, test } from 'vitest';
import { readOptions } from '../../lib/adapters/command-line.ts';
import { SUBCOMMANDS } from '../../lib/command/options.ts';
import { parseRequest } from '../../lib/command/request.ts';

const parse = (line: string) => parseRequest(line.split(' ').filter(Boolean), readOptions);

describe('a command line', () => {
	test.each([
		['--help', { command: 'help', of: undefined }],
		['-h', { command: 'help', of: undefined }],
		['verify -h', { command: 'help', of: 'verify' }],
		['--version', { command: 'version' }],
		[
			'list --repository /r --node n1 --database=shop --json',
			{
				command: 'list',
				json: true,
				source: { kind: 'directory', directory: '/r' },
				keyFiles: [],
				node: 'n1',
				database: 'shop',
			},
		],
		['show ID --root /hdb', { command: 'show', id: 'ID', source: { kind: 'root', root: '/hdb' }, json: false }],
		[
			'verify A B A --deep --config c.yaml --key-file k1 --key-file k2 --scratch /big',
			{
				command: 'verify',
				ids: ['A', 'B'],
				depth: 'deep',
				source: { kind: 'config', file: 'c.yaml' },
				keyFiles: ['k1', 'k2'],
				scratch: '/big',
			},
		],
		['verify --all --root .', { ids: 'all', depth: 'checksums' }],
		['extract --to out ID --root .', { command: 'extract', id: 'ID', to: 'out', databaseOnly: false }],
		['extract --to out --database-only --root . -- -odd', { id: '-odd', databaseOnly: true }],
		['check-backup f.mdb', { command: 'check-backup', file: 'f.mdb', mendTo: undefined }],
		['check-backup f.mdb --mend', { mendTo: 'f.mdb.mended' }],
		['check-backup f.mdb --mend --to g.mdb', { mendTo: 'g.mdb' }],
		[
			'list --repository s3://bucket/a/b --region eu --endpoint http://h:1 --path-style --profile p --credentials-file f',
			{
				source: {
					kind: 's3',
					s3: {
						bucket: 'bucket',
						prefix: 'a/b',
						region: 'eu',
						endpoint: 'http://h:1',
						pathStyle: true,
						profile: 'p',
						credentialsFile: 'f',
					},
				},
			},
		],
		['list --repository s3://bucket', { source: { kind: 's3', s3: { bucket: 'bucket', pathStyle: false } } }],
	])('%s', (line, expected) => {
		expect(parse(line)).toMatchObject(expected);
	});

	test.each([
		['', 'Which command?'],
		['frob', 'There is no command "frob".'],
		['toString', 'There is no command "toString".'],
		['list', 'Expected one of --repository, --root and --config.'],
		['list --root a --config b', 'Expected one of --repository, --root and --config.'],
		['list x --root a', 'list takes no "x".'],
		['list --root a --root b', '--root was given twice.'],
		['list --root=', '--root was given nothing.'],
		['list --rot a', "Unknown option '--rot'"],
		['show --root a', 'Expected the ID of a snapshot.'],
		['show A B --root a', 'Expected the ID of a snapshot alone, and not "B" as well.'],
		['verify --root a', 'Expected either IDs of snapshots or --all.'],
		['verify A --all --root a', 'Expected either IDs of snapshots or --all.'],
		['extract ID --root a', 'Expected --to DIR.'],
		['check-backup', 'Expected a file.'],
		['check-backup f --to g', '--to goes with --mend.'],
		['list --repository s3:///p', '"s3:///p" names no bucket.'],
		['list --repository /r --path-style', '--path-style goes with --repository s3://bucket/prefix.'],
	])('that is wrong is refused: %s', (line, message) => {
		expect(() => parse(line)).toThrowError(
			expect.objectContaining({ code: 'usage', message: expect.stringContaining(message) })
		);
	});

	test('may ask for the help of every command', () => {
		for (const name of Object.keys(SUBCOMMANDS)) expect(parse(`${name} --help`)).toEqual({ command: 'help', of: name });
	});
});

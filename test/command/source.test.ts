import { describe, expect, test } from 'vitest';
import { settingsOf, type Source } from '../../lib/command/source.ts';
import { parseConfiguration } from '../../lib/config.ts';

const settings = (source: Source, keyFiles: readonly string[] = [], configuration?: unknown) =>
	settingsOf(source, keyFiles, { absolute: (path) => (path.startsWith('/') ? path : `/here/${path}`), configuration });

describe('what is read of', () => {
	test.each<[string, Source, object]>([
		['a directory', { kind: 'directory', directory: 'r' }, { repository: { directory: '/here/r' } }],
		['a root directory', { kind: 'root', root: '/hdb/' }, { repository: { directory: '/hdb/custodian/repository' } }],
		[
			'a bucket',
			{ kind: 's3', s3: { bucket: 'b', pathStyle: true, credentialsFile: 'c' } },
			{ repository: { s3: { bucket: 'b', pathStyle: true, credentialsFile: '/here/c' } } },
		],
	])('%s passes for a configuration', (_, source, expected) => {
		expect(settings(source)).toEqual(expected);
		expect(parseConfiguration(settings(source, ['k1', '/k2']))).toMatchObject({
			valid: true,
			configuration: { protection: { encryption: { keyFile: '/here/k1', olderKeyFiles: ['/k2'] } } },
		});
	});

	const source: Source = { kind: 'config', file: 'harperdb-config.yaml' };

	test('a configuration file are its places and its keys, and those that are given before them', () => {
		const custodian = {
			repository: { directory: '/backups' },
			copies: [{ name: 'away', directory: '/away' }],
			encryption: { keyFile: '/new', olderKeyFiles: ['/old'] },
		};
		expect(settings(source, [], { rootPath: '/hdb', custodian })).toEqual(custodian);
		expect(settings(source, ['/given'], { custodian })).toMatchObject({
			encryption: { keyFile: '/given', olderKeyFiles: ['/new', '/old'] },
		});
	});

	test('a configuration file without a repository is that of its root directory', () => {
		expect(settings(source, [], { rootPath: '/hdb' })).toEqual({
			repository: { directory: '/hdb/custodian/repository' },
		});
		expect(settings(source, [], 'nothing')).toEqual({ repository: undefined });
	});

	test('a configuration file is not spoilt by a mistake in what does not matter here', () => {
		const custodian = { metrics: { prot: 1 }, snapshots: 'never', repository: { directory: '/backups' } };
		expect(parseConfiguration(settings(source, [], { custodian })).valid).toBe(true);
	});
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { principalOf } from '../../lib/http/access.ts';
import { sightOf } from '../../lib/http/sight.ts';

const user = (custodian: string, permission: unknown) =>
	principalOf({ username: 'u', role: { permission, access: { custodian } } });
const reading = (tables: unknown) => user('viewer', { shop: { tables } });
const table = (name: string) => ({ name, primaryKey: 'id' });
const seen = (
	principal: ReturnType<typeof principalOf>,
	database: string,
	name: string,
	attributes: readonly string[]
) => {
	const sight = sightOf(principal).of(database, table(name));
	return sight && attributes.filter((attribute) => sight.shows(attribute));
};

describe('what a user may see', () => {
	const attributes = ['id', 'name', 'price'];

	test.each([
		['a table without a list of attributes', { Product: { read: true } }, attributes],
		['an empty list of attributes', { Product: { read: true, attribute_permissions: [] } }, attributes],
		[
			'a list of attributes',
			{ Product: { read: true, attribute_permissions: [{ attribute_name: 'name', read: true }] } },
			['id', 'name'],
		],
		[
			'an attribute that may be written only',
			{ Product: { read: true, attribute_permissions: [{ attribute_name: 'name', read: false, update: true }] } },
			['id'],
		],
		['a table that may be written only', { Product: { read: false, insert: true } }, undefined],
		['a truthy permission', { Product: { read: 'true' } }, undefined],
		['a list that is none', { Product: { read: true, attribute_permissions: 'all' } }, undefined],
		['another table', { Order: { read: true } }, undefined],
		['nothing', undefined, undefined],
	])('a viewer with %s', (_, tables, expected) => {
		expect(seen(reading(tables), 'shop', 'Product', attributes)).toEqual(expected);
	});

	test('a viewer sees no table of another database, and none that objects are born with', () => {
		const viewer = reading({ Product: { read: true } });
		expect(seen(viewer, 'data', 'Product', attributes)).toBeUndefined();
		expect(seen(viewer, 'shop', 'constructor', attributes)).toBeUndefined();
		expect(seen(viewer, '__proto__', 'Product', attributes)).toBeUndefined();
	});

	test('operators and super users see every table', () => {
		expect(seen(user('operator', {}), 'shop', 'Product', attributes)).toEqual(attributes);
		expect(seen(user('none', { super_user: true }), 'shop', 'Product', attributes)).toEqual(attributes);
	});

	test('whoever is no viewer sees nothing, whatever the role may read', () => {
		const permission = { shop: { tables: { Product: { read: true } } } };
		for (const principal of [principalOf(undefined), user('scraper', permission), user('none', permission)]) {
			expect(seen(principal, 'shop', 'Product', attributes)).toBeUndefined();
		}
	});

	test('nobody sees a secret of the database system', () => {
		const secrets = [
			'password',
			'hash',
			'hash_function',
			'refresh_token',
			'request',
			'certificate',
			'data',
			'user_object',
		];
		const names = ['hdb_user', 'hdb_role', 'hdb_job', 'hdb_nodes', 'hdb_certificate', 'hdb_info', 'hdb_status'];
		const permission = { system: { tables: Object.fromEntries(names.map((name) => [name, { read: true }])) } };
		for (const principal of [user('operator', {}), user('none', { super_user: true }), user('viewer', permission)]) {
			for (const name of names) expect([name, seen(principal, 'system', name, secrets)]).toEqual([name, []]);
			expect(seen(principal, 'system', 'hdb_user', ['username', 'role', 'active'])).toHaveLength(3);
			for (const name of ['hdb_session', 'hdb_session_will', 'hdb_durable_session', 'hdb_license', 'hdb_new']) {
				expect([name, seen(principal, 'system', name, ['id'])]).toEqual([name, undefined]);
			}
		}
	});

	test('no permission, whatever it is, makes reading one fail', () => {
		fc.assert(
			fc.property(fc.anything(), fc.anything(), (permission, tables) => {
				sightOf(user('viewer', permission)).of('shop', table('Product'));
				return sightOf(reading(tables)).of('system', table('hdb_session')) === undefined;
			})
		);
	});
});

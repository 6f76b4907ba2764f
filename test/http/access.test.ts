import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { permits, principalOf, type Access } from '../../lib/http/access.ts';

const levels: readonly Access[] = ['scrape', 'view', 'operate', 'administer'];
const allowed = (user: unknown) => levels.filter((level) => permits(principalOf(user), level));
const withRole = (role: object, rest: object = {}) => ({ username: 'u', active: true, role, ...rest });
const withAccess = (custodian: unknown) => withRole({ permission: {}, access: { custodian } });

describe('who may do what', () => {
	it.each([
		['nobody', undefined, []],
		['null', null, []],
		['a user without a role', { username: 'u' }, []],
		['a user whose role says nothing', withRole({ permission: {} }), []],
		['a scraper', withAccess('scraper'), ['scrape']],
		['a viewer', withAccess('viewer'), ['scrape', 'view']],
		['an operator', withAccess('operator'), ['scrape', 'view', 'operate']],
		['a super user', withRole({ permission: { super_user: true } }), levels],
		['an inactive super user', withRole({ permission: { super_user: true } }, { active: false }), []],
		['a super user by a truthy value', withRole({ permission: { super_user: 'true' } }), []],
		['a role by another case', withAccess('Scraper'), []],
		['a role with a blank', withAccess('scraper '), []],
		['a role in a list', withAccess(['operator']), []],
		['a role by the name of an object property', withAccess('constructor'), []],
		['a role that is an object', withAccess({ scraper: true }), []],
		['a nameless user', { role: { permission: { super_user: true } } }, []],
	])('%s', (_, user, expected) => {
		expect(allowed(user)).toEqual(expected);
	});

	it('gives nothing to whatever is not a user', () => {
		fc.assert(fc.property(fc.anything(), (user) => allowed(user).length === 0));
	});
});

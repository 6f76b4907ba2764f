import { grantsOf, type Grants } from './grants.ts';

/** What a request wants to do, from what least to what most trust is needed for. */
const LEVELS = ['scrape', 'view', 'operate', 'administer'] as const;
export type Access = (typeof LEVELS)[number];

/** Who sent a request, reduced to what decides. The user object of the host stays outside: it holds secrets. */
export type Principal =
	| { readonly kind: 'anonymous' }
	| {
			readonly kind: 'user';
			readonly name: string;
			readonly access: Access | undefined;
			/** What the role may read of the data, for those whose level does not say. */
			readonly grants?: Grants;
	  };

export const anonymous: Principal = { kind: 'anonymous' };

/** The values of `access.custodian` of a role, and what each may do. */
const ROLES: Readonly<Record<string, Access>> = { scraper: 'scrape', viewer: 'view', operator: 'operate' };

/** Reads the user that Harper authenticated. Whatever is not exactly as expected gives no access. */
export function principalOf(user: unknown): Principal {
	if (!isObject(user) || typeof user.username !== 'string' || user.username === '') return anonymous;
	const grants = grantsOf(isObject(user.role) ? user.role.permission : undefined);
	return { kind: 'user', name: user.username, access: accessOf(user), grants };
}

export function permits(principal: Principal, wanted: Access): boolean {
	if (principal.kind === 'anonymous' || principal.access === undefined) return false;
	return LEVELS.indexOf(principal.access) >= LEVELS.indexOf(wanted);
}

function accessOf(user: Readonly<Record<string, unknown>>): Access | undefined {
	if (user.active === false || !isObject(user.role)) return undefined;
	const { permission, access } = user.role;
	if (isObject(permission) && permission.super_user === true) return 'administer';
	const role = isObject(access) ? access.custodian : undefined;
	return typeof role === 'string' && Object.hasOwn(ROLES, role) ? ROLES[role] : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
	return typeof value === 'object' && value !== null;
}

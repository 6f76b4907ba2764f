import { readFileSync } from 'node:fs';

/** The version in our own package.json, which stands three folders above this file once it is compiled. */
export function packageVersion(): string {
	const manifest: unknown = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
	const version: unknown =
		typeof manifest === 'object' && manifest !== null ? Reflect.get(manifest, 'version') : undefined;
	return typeof version === 'string' ? version : 'unknown';
}

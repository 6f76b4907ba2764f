import { expect, test } from 'vitest';
import { SUBCOMMANDS } from '../../lib/command/options.ts';
import { readPage } from './pages.ts';

const page = readPage('docs/command.md');

test('docs/command.md names every command, every option but what asks for help, and no other', () => {
	for (const name of Object.keys(SUBCOMMANDS)) expect(page).toContain(`custodian ${name}`);
	const options = Object.values(SUBCOMMANDS).flatMap((command) => command.options.map(({ name }) => name));
	const named = [...page.matchAll(/(?<![\w-])--([a-z][a-z-]*)/g)].map(([, name]) => name);
	expect(new Set(named)).toEqual(new Set([...options, 'version']));
});

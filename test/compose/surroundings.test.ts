import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { placesOf, stagingOf, surroundingsOf } from '../../lib/compose/surroundings.ts';
import { parseConfiguration } from '../../lib/config.ts';
import { writeText } from '../../lib/snapshot/store.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

function memory() {
	const ids = new Map<string, string>();
	const remember = async (location: string, id: string) => void ids.set(location, id);
	return { ids, idAt: (location: string) => ids.get(location), remember };
}

function surroundings(value: unknown, directory: string) {
	const { protection } = parseConfiguration(value).configuration;
	if (protection === undefined) throw new Error('The configuration is invalid');
	return surroundingsOf(protection, directory);
}

test('without a configured repository one is made below the root directory of Harper, and remembered', async () => {
	const directory = join(await temporaryDirectory(), 'custodian');
	const known = memory();
	const [main, ...others] = placesOf(surroundings({}, directory), known);
	expect([main.name, others]).toEqual(['main', []]);
	const repository = await main.open();
	expect(await repository.stat('custodian.json')).toMatchObject({ key: 'custodian.json' });
	expect([...known.ids.keys()]).toEqual([`directory ${join(directory, 'repository')}`]);
	expect(await main.open()).toBe(repository);
	expect(stagingOf(surroundings({}, directory))).toBe(join(directory, 'staging'));
});

test('copies have their names and their own repositories', async () => {
	const folder = await temporaryDirectory();
	for (const name of ['a', 'b']) mkdirSync(join(folder, name));
	const copies = [{ name: 'offsite', directory: join(folder, 'b') }];
	const known = memory();
	const places = placesOf(surroundings({ repository: { directory: join(folder, 'a') }, copies }, folder), known);
	for (const place of places) await place.open();
	expect(places.map(({ name }) => name)).toEqual(['main', 'offsite']);
	expect(new Set(known.ids.values()).size).toBe(2);
});

test('another repository than before, or none, is refused, and taken again when the right one is back', async () => {
	const folder = await temporaryDirectory();
	const directory = join(folder, 'mounted');
	mkdirSync(directory);
	const known = memory();
	const open = async () => {
		const [main] = placesOf(surroundings({ repository: { directory } }, folder), known);
		return main.open();
	};
	await open();
	const [[location, id] = ['', '']] = known.ids;
	rmSync(join(directory, 'custodian.json'));
	await expect(open()).rejects.toMatchObject({ code: 'repository_unreachable' });
	known.ids.set(location, 'of another time');
	known.ids.delete(location);
	await open();
	expect(known.ids.get(location)).not.toBe(id);
	known.ids.set(location, id);
	const [main] = placesOf(surroundings({ repository: { directory } }, folder), known);
	await expect(main.open()).rejects.toMatchObject({ code: 'repository_changed' });
	rmSync(join(directory, 'custodian.json'));
	const elsewhere = placesOf(surroundings({ repository: { directory } }, folder), memory())[0];
	const there = await elsewhere.open();
	await there.remove('custodian.json');
	await writeText(there, 'custodian.json', `{"format":1,"id":"${id}"}\n`);
	await expect(main.open()).resolves.toBeDefined();
});

// The support that every other integration test stands on.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { admin, startHarper, type Harper } from '../support/harper.ts';
import { checkout } from '../support/run.ts';
import { eventually } from '../support/wait.ts';

const shop = { name: 'shop', source: join(checkout, 'test/support/fixtures/shop') };

test('a Harper that was killed starts again on its root, with what was written', async () => {
	await using harper = await startHarper({ components: [shop] });
	await put(harper, 'Lamp');
	const former = harper.pid;
	await harper.kill();
	expect(harper.processes()).toEqual([]);
	await harper.restart({ workers: 2 });
	expect(harper.pid).not.toBe(former);
	expect(await nameOf(harper)).toBe('Lamp');
});

test('a Harper has the clock that it is given, and steps it when told', async () => {
	await using harper = await startHarper({ faketime: '-2d' });
	expect(await daysBehind(harper)).toBe(2);
	await harper.setClock('-1d');
	await eventually(async () => expect(await daysBehind(harper)).toBe(1), { describe: 'the clock steps' });
});

test('two Harpers make a cluster', async () => {
	await using a = await startHarper({ components: [shop] });
	await using b = await startHarper({ components: [shop] });
	await a.operation({ operation: 'add_node', hostname: b.address, verify_tls: false, authorization: admin });
	await put(a, 'Lamp');
	await eventually(async () => expect(await nameOf(b)).toBe('Lamp'), { describe: 'the record reaches the other node' });
});

async function put(harper: Harper, name: string): Promise<void> {
	const body = JSON.stringify({ id: '1', name });
	await harper.fetch('/Product/1', { method: 'PUT', headers: { 'content-type': 'application/json' }, body });
}

async function nameOf(harper: Harper): Promise<unknown> {
	const product: { name?: unknown } = JSON.parse(await (await harper.fetch('/Product/1')).text());
	return product.name;
}

async function daysBehind(harper: Harper): Promise<number> {
	const response = await harper.fetch('/');
	return Math.round((Date.now() - Date.parse(response.headers.get('date')!)) / 86_400_000);
}

import { expect, test } from 'vitest';
import { clusterThrough, parsePeers } from '../../../lib/adapters/harper/cluster.ts';

const answerOf = (name: string) => ({
	type: 'cluster-status',
	connections: [{ name, database_sockets: [{ database: 'data', connected: true, latency: 1.5 }] }],
});
const nothingShared = () => undefined;

/** A main thread that answers when told to. */
function fakeMainThread() {
	const listeners: ((answer: unknown) => void)[] = [];
	let asked = 0;
	return {
		channel: {
			ask: () => {
				asked++;
			},
			listen: (listener: (answer: unknown) => void) => listeners.push(listener),
		},
		answer: (value: unknown) => {
			for (const listener of listeners) listener(value);
		},
		asked: () => asked,
		listeners,
	};
}

test('callers at the same time share one question and one answer', async () => {
	const main = fakeMainThread();
	const cluster = clusterThrough(main.channel, nothingShared, 1_000);
	const calls = [cluster.peers(), cluster.peers(), cluster.peers()];
	expect(main.asked()).toBe(1);
	main.answer(answerOf('b'));
	for (const peers of await Promise.all(calls)) expect(peers.map(({ name }) => name)).toEqual(['b']);
	expect(main.listeners).toHaveLength(1);
});

test('an answer to somebody else in this thread serves as well', async () => {
	const main = fakeMainThread();
	const cluster = clusterThrough({ ...main.channel, ask: () => main.answer(answerOf('b')) }, nothingShared, 1_000);
	expect(await cluster.peers()).toHaveLength(1);
});

test('an answer that nobody waits for is dropped', async () => {
	const main = fakeMainThread();
	const cluster = clusterThrough(main.channel, nothingShared, 1_000);
	main.answer(answerOf('stale'));
	const call = cluster.peers();
	main.answer(answerOf('fresh'));
	expect((await call).map(({ name }) => name)).toEqual(['fresh']);
});

test('silence is an error with a hint, and the next call asks anew and succeeds', async () => {
	const main = fakeMainThread();
	const cluster = clusterThrough(main.channel, nothingShared, 5);
	await expect(cluster.peers()).rejects.toMatchObject({ code: 'cluster_status_timeout', hint: expect.any(String) });
	const call = cluster.peers();
	expect(main.asked()).toBe(2);
	main.answer(answerOf('b'));
	expect(await call).toHaveLength(1);
});

const status = (values: Partial<Record<number, number>>): Float64Array =>
	Float64Array.from({ length: 8 }, (_, i) => values[i] ?? 0);

test('the shared status gives versions, arrival and back pressure', () => {
	const shared = status({ 0: 90_000, 1: 100_000, 2: 100_500, 6: 0.25 });
	expect(parsePeers(answerOf('b'), () => shared)).toEqual([
		{
			name: 'b',
			databases: [
				{
					database: 'data',
					connected: true,
					latencyMs: 1.5,
					confirmedVersionAt: 90_000,
					receivedVersionAt: 100_000,
					receivedAt: 100_500,
					backPressureRatio: 0.25,
				},
			],
		},
	]);
});

test.each([
	['before the first contact', undefined],
	['with nothing received yet', status({})],
	['while the first copy is under way', status({ 1: 1 })],
])('there are no instants %s', (_, shared) => {
	const reading = parsePeers(answerOf('b'), () => shared)[0]?.databases[0];
	expect(reading).toMatchObject({
		confirmedVersionAt: undefined,
		receivedVersionAt: undefined,
		receivedAt: undefined,
	});
});

test('a connection that says nothing of being connected is not connected', () => {
	const answer = { connections: [{ name: 'b', database_sockets: [{ database: 'data', latency: 'x' }] }] };
	expect(parsePeers(answer, nothingShared)[0]?.databases[0]).toMatchObject({ connected: false, latencyMs: undefined });
});

test('a peer without a name goes by its address, twice the same is one, and neither is nobody', () => {
	const sockets = { database_sockets: [{ database: 'data', connected: true }] };
	const answer = { connections: [{ url: 'wss://x', ...sockets }, { url: 'wss://x', ...sockets }, sockets] };
	expect(parsePeers(answer, nothingShared).map(({ name, databases }) => [name, databases.length])).toEqual([
		['wss://x', 1],
	]);
});

test.each([undefined, null, 'no', {}, { connections: 'none' }, { connections: [null] }])(
	'an answer like %j has no peers',
	(answer) => {
		expect(parsePeers(answer, nothingShared)).toEqual([]);
	}
);

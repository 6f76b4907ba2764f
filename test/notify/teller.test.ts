import { describe, expect, test } from 'vitest';
import type { Watched } from '../../lib/notify/lateness.ts';
import { tellerOf, type TellerPorts } from '../../lib/notify/teller.ts';
import { everyInterval, Occurrences } from '../../lib/schedule/occurrence.ts';

const signal = new AbortController().signal;
const DAY = 86_400_000;
const T0 = 20_000 * DAY;
const occurrences = new Occurrences({ schedule: 'nightly', node: 'n1', timing: everyInterval(DAY) });
const watched: readonly Watched[] = [
	{ schedule: { name: 'nightly', timing: 'daily', enabled: true, occurrences }, state: {} },
];
const request = { databases: ['*'], schedule: { name: 'nightly', occurrence: 'o' } };
const success = { kind: 'snapshot', state: 'succeeded', request, result: { taken: [{ database: 'a' }], failed: [] } };
const failure = { kind: 'snapshot', state: 'failed', request, error: { code: 'no_space', message: 'Full.' } };

test('a failed job is posted, and no sign of life is given', async () => {
	const { teller, posted, pings } = house();
	await teller.jobEnded(failure, signal);
	expect(posted).toEqual([
		{
			version: 1,
			id: 'id1',
			event: 'snapshot_failed',
			at: new Date(T0).toISOString(),
			node: 'n1',
			custodian: '1.2.3',
			message: 'Taking snapshots, which the schedule nightly asked for, failed: Full.',
			details: { schedule: 'nightly', error: { code: 'no_space', message: 'Full.' } },
		},
	]);
	expect(pings.count).toBe(0);
});

test('a verified run gives the sign of life, and posts nothing', async () => {
	const { teller, posted, pings } = house();
	await teller.jobEnded(success, signal);
	expect(posted).toEqual([]);
	expect(pings.count).toBe(1);
});

test('where nobody can be told, that is said in the log', async () => {
	const down = async () => Promise.reject(new Error('down'));
	const { teller, warnings } = house({ post: down, ping: down });
	await teller.jobEnded(failure, signal);
	await teller.jobEnded(success, signal);
	expect(warnings).toEqual(['Nobody could be told of snapshot_failed: down', 'No sign of life could be given: down']);
});

test('where nobody wants to be told, nothing happens', async () => {
	const { teller, warnings } = house({ post: undefined, ping: undefined });
	await teller.jobEnded(failure, signal);
	await teller.jobEnded(success, signal);
	expect(warnings).toEqual([]);
});

describe('a look', () => {
	test('tells of what is late, once, over restarts', async () => {
		const { teller, again, posted, clock } = house();
		await teller.look(watched, signal);
		clock.at = T0 + DAY + DAY / 2;
		await teller.look(watched, signal);
		await again().look(watched, signal);
		expect(posted.map(({ event }) => event)).toEqual(['schedule_late']);
	});

	test('tells later what could not be told', async () => {
		const { teller, posted, clock, line } = house();
		await teller.look(watched, signal);
		clock.at = T0 + DAY + DAY / 2;
		line.isDown = true;
		await teller.look(watched, signal);
		expect(posted).toEqual([]);
		line.isDown = false;
		await teller.look(watched, signal);
		await teller.look(watched, signal);
		expect(posted.map(({ event }) => event)).toEqual(['schedule_late']);
	});

	test('saves only what has changed', async () => {
		const { teller, store } = house();
		await teller.look(watched, signal);
		await teller.look(watched, signal);
		expect(store.saves).toBe(1);
	});

	test('that is cut off leaves the memory to whoever looks next', async () => {
		const { teller, store } = house();
		await teller.look(watched, AbortSignal.abort());
		expect(store.saves).toBe(0);
	});

	test('that cannot remember says so, and rejects not', async () => {
		const { teller, warnings } = house({ loadLateness: () => Promise.reject(new Error('no table')) });
		await teller.look(watched, signal);
		expect(warnings).toEqual(['Whether the schedules run in time cannot be told: no table']);
	});
});

function house(changes: Partial<TellerPorts> = {}) {
	const posted: { readonly event: string }[] = [];
	const warnings: string[] = [];
	const pings = { count: 0 };
	const clock = { at: T0 };
	const line = { isDown: false };
	const store: { text: string | undefined; saves: number } = { text: undefined, saves: 0 };
	let ids = 0;
	const ports: TellerPorts = {
		async post(_, body) {
			if (line.isDown) throw new Error('down');
			posted.push(JSON.parse(body));
		},
		ping: async () => void pings.count++,
		clock: { now: () => clock.at },
		newId: () => `id${++ids}`,
		node: 'n1',
		custodian: '1.2.3',
		loadLateness: async () => store.text,
		async saveLateness(text) {
			store.text = text;
			store.saves++;
		},
		warn: (message) => void warnings.push(message),
		...changes,
	};
	return { teller: tellerOf(ports), again: () => tellerOf(ports), posted, warnings, pings, clock, line, store };
}

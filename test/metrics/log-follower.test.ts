import { describe, expect, it } from 'vitest';
import type { LogFiles } from '../../lib/metrics/collectors/log-lines.ts';
import { LogFollower } from '../../lib/metrics/log-follower.ts';

const line = (level: string) => `2026-11-22T22:05:44.148Z [http/1] [${level}]: message\n`;

function scene() {
	let text = line('error').repeat(3);
	let saved: string | undefined;
	const log: LogFiles = {
		current: async () => ({ id: 'a', sizeBytes: text.length }),
		rotated: async () => undefined,
		read: async (_, offset, length) => new TextEncoder().encode(text.slice(offset, offset + length)),
	};
	const store = {
		load: () => saved,
		save: async (value: string) => {
			saved = value;
		},
	};
	return {
		worker: () => new LogFollower(log, store, { now: () => 0 }),
		write: (level: string) => {
			text += line(level);
		},
		damage: () => {
			saved = '{"version":1,"files":"none"}';
		},
	};
}

const errors = async (worker: LogFollower) => (await worker.advance())?.lines.error;

describe('the follower of the log', () => {
	it('counts nothing before the elected worker has looked', async () => {
		expect(await scene().worker().advance()).toBeUndefined();
	});

	it('counts from the first look on, alike in every worker and over restarts', async () => {
		const { worker, write } = scene();
		const [leader, other] = [worker(), worker()];
		await leader.save();
		write('error');
		write('error');
		expect([await errors(leader), await errors(other), await errors(worker())]).toEqual([2, 2, 2]);
		await leader.save();
		write('error');
		expect([await errors(worker()), await errors(other)]).toEqual([3, 3]);
	});

	it('goes on with its own count where what was saved is damaged', async () => {
		const { worker, write, damage } = scene();
		const leader = worker();
		await leader.save();
		write('error');
		expect(await errors(leader)).toBe(1);
		damage();
		expect(await errors(leader)).toBe(1);
	});
});

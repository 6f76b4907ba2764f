import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LiveFeed, LiveMessage, LiveRequest } from '../../lib/audit/live-feed.ts';
import { LiveLogs } from '../../lib/audit/live-logs.ts';
import { MemoryAuditLog, memoryAuditLogs } from '../support/memory-audit-log.ts';
import { VirtualTime } from '../support/virtual-time.ts';

const T0 = Date.UTC(2026, 0, 2);

function liveOf(log = new MemoryAuditLog(['Order'], 'shop')) {
	const time = new VirtualTime(T0);
	const listeners = new Set<() => void>();
	const warnings: string[] = [];
	let readings = 0;
	const rows = log.rows.bind(log);
	log.rows = (...asked) => {
		readings++;
		return rows(...asked);
	};
	const live = new LiveLogs({
		logs: memoryAuditLogs(log),
		commits: {
			subscribe(_database, onCommit) {
				listeners.add(onCommit);
				return () => void listeners.delete(onCommit);
			},
		},
		clock: time,
		pause: async () => {},
		sleep: time.sleep,
		warn: (message) => void warnings.push(message),
	});
	const write = (count = 1, given = {}) => {
		const keys = Array.from({ length: count }, () => log.write({ action: 'put', id: 1, values: {}, ...given }));
		for (const listener of listeners) listener();
		return keys;
	};
	const follow = (request: Partial<LiveRequest> = {}): LiveFeed => {
		const feed = live.follow('shop', {
			after: undefined,
			show: ({ localTime }) => ({ event: 'entry', data: localTime }),
			showLost: (from, to) => ({ from, to }),
			cursorOf: String,
			...request,
		});
		if (feed === undefined) throw new Error('There is no such log');
		return feed;
	};
	return { live, time, log, write, follow, listeners, warnings, readings: () => readings };
}

/** Takes what comes, as a client that reads at once. */
function taking(feed: LiveFeed): {
	readonly messages: LiveMessage[];
	readonly entries: () => unknown[];
	ended: boolean;
} {
	const messages: LiveMessage[] = [];
	const taken = {
		messages,
		entries: () => messages.filter(({ event }) => event === 'entry').map(({ data }) => data),
		ended: false,
	};
	void (async () => {
		for (let message = await feed.next(); message !== undefined; message = await feed.next()) messages.push(message);
		taken.ended = true;
	})();
	return taken;
}

test('a client that comes is shown what is written from then on, as soon as it is committed', async () => {
	const { time, write, follow } = liveOf();
	const begin = write(3).at(-1);
	const client = taking(follow());
	await time.advance(100);
	const keys = write(2);
	await time.advance(10);
	expect(client.messages).toEqual([
		{ event: 'alive', cursor: String(begin) },
		...keys.map((key) => ({ event: 'entry', cursor: String(key), data: key })),
	]);
});

test('no commit needs to be told', async () => {
	const { time, write, follow, listeners } = liveOf();
	const client = taking(follow());
	await time.advance(100);
	listeners.clear();
	const keys = write(2);
	await time.advance(1200);
	expect(client.entries()).toEqual(keys);
});

test('a client is shown what it asked for, and a sign of life where there is nothing', async () => {
	const { time, write, follow } = liveOf();
	const client = taking(
		follow({ show: ({ entry }) => (entry?.action === 'delete' ? { event: 'entry', data: 'deleted' } : undefined) })
	);
	await time.advance(100);
	const [put] = write();
	await time.advance(16_000);
	const [removed] = write(1, { action: 'delete' });
	await time.advance(100);
	expect(client.messages.slice(1)).toEqual([
		{ event: 'alive', cursor: String(put) },
		{ event: 'entry', cursor: String(removed), data: 'deleted' },
	]);
});

describe('who comes back', () => {
	test('is shown what was written meanwhile, and then what comes, each once', async () => {
		const { time, write, follow } = liveOf();
		const [first, ...missed] = write(3000);
		const client = taking(follow({ after: first }));
		const during = write(10);
		await time.advance(100);
		const after = write(10);
		await time.advance(100);
		expect(client.entries()).toEqual([...missed, ...during, ...after]);
	});

	test('is told what is lost', async () => {
		const { time, write, follow, log } = liveOf();
		const keys = write(10);
		log.removeBefore(keys[5]!);
		const client = taking(follow({ after: keys[1] }));
		await time.advance(100);
		expect(client.messages[1]).toMatchObject({ event: 'gap', data: { from: keys[1], to: keys[4] } });
		expect(client.entries()).toEqual(keys.slice(5));
	});

	test('misses nothing and is shown nothing twice, whenever it leaves and whatever others do', async () => {
		const step = fc.oneof(
			fc.record({ do: fc.constant('write' as const), count: fc.integer({ min: 1, max: 700 }) }),
			fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 1500 }) }),
			fc.record({ do: fc.constant('take' as const), count: fc.integer({ min: 1, max: 400 }) }),
			fc.record({ do: fc.constant('leave' as const) })
		);
		await fc.assert(
			fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
				const { time, write, follow, live } = liveOf();
				const [begin] = write(1);
				const other = taking(follow({ after: begin }));
				const written: number[] = [];
				const got: unknown[] = [];
				let cursor = begin;
				let feed = follow({ after: cursor });
				const take = async (count: number) => {
					for (let n = 0; n < count; n++) {
						const answers: (LiveMessage | undefined)[] = [];
						void feed.next().then((next) => answers.push(next));
						for (let turn = 0; turn < 40 && answers.length === 0; turn++) await time.advance(500);
						const [message] = answers;
						if (message === undefined) return;
						cursor = Number(message.cursor);
						if (message.event === 'entry') got.push(message.data);
						else if (n > 0) return;
					}
				};
				for (const one of steps) {
					if (one.do === 'write') written.push(...write(one.count));
					else if (one.do === 'wait') await time.advance(one.ms);
					else if (one.do === 'take') await take(one.count);
					else {
						feed.close();
						feed = follow({ after: cursor });
					}
				}
				await take(written.length + 2);
				expect(got).toEqual(written);
				expect(other.entries()).toEqual(written);
				feed.close();
				expect(live.size).toBe(1);
			}),
			{ numRuns: 20 }
		);
	}, 60_000);
});

test('a log is read once, however many clients follow it', async () => {
	const { time, write, follow, readings } = liveOf();
	const clients = Array.from({ length: 20 }, () => taking(follow()));
	await time.advance(2000);
	const before = readings();
	const keys = write(5);
	await time.advance(40);
	expect(clients.map((client) => client.entries())).toEqual(clients.map(() => keys));
	expect(readings() - before).toBe(1);
});

describe('a client that does not read', () => {
	test('is given up after a while, and told from where to go on', async () => {
		const { time, write, follow, live } = liveOf();
		const feed = follow();
		const other = taking(follow());
		await time.advance(100);
		const keys = write(5000);
		await time.advance(10_000);
		expect([live.size, other.entries().length]).toEqual([2, 5000]);
		expect((await feed.next())?.event).toBe('alive');
		expect((await feed.next())?.data).toBe(keys[0]);
		await time.advance(31_000);
		expect(live.size).toBe(1);
		const cursor = String(keys[0]);
		expect([await feed.next(), await feed.next()]).toEqual([
			{ event: 'end', cursor, data: { reason: 'slow', cursor } },
			undefined,
		]);
	});

	test('is waited for as long as it takes something now and then, and misses nothing', async () => {
		const { time, write, follow } = liveOf();
		const feed = follow();
		await time.advance(100);
		const keys = write(5000);
		await time.advance(100);
		await feed.next();
		const got: unknown[] = [];
		while (got.length < keys.length) {
			for (let n = 0; n < 500; n++) got.push((await feed.next())?.data);
			await time.advance(20_000);
		}
		expect(got).toEqual(keys);
	});
});

test('a feed is over after an hour, so that who may no longer see it does not', async () => {
	const { time, write, follow, live } = liveOf();
	const client = taking(follow());
	await time.advance(100);
	const [key] = write();
	await time.advance(3_630_000);
	expect(client.ended).toBe(true);
	expect(client.messages.at(-1)).toMatchObject({ event: 'end', cursor: String(key), data: { reason: 'expired' } });
	expect(live.size).toBe(0);
});

test('nothing is left of clients that are gone', async () => {
	const { time, write, follow, live, listeners, readings } = liveOf();
	const feeds = Array.from({ length: 10 }, () => follow());
	await time.advance(100);
	expect([live.size, listeners.size]).toEqual([10, 1]);
	const early = follow({ after: write(3000)[0] });
	early.close();
	for (const feed of feeds) feed.close();
	for (const feed of feeds) feed.close();
	expect(live.size).toBe(0);
	await time.advance(100);
	expect(listeners.size).toBe(0);
	const before = readings();
	write();
	await time.advance(5000);
	expect(readings()).toBe(before);
	expect(await feeds[0]!.next()).toBeUndefined();
});

test('a worker that stops ends its feeds, and takes no more', async () => {
	const { time, follow, live, write } = liveOf();
	const clients = [taking(follow()), taking(follow({ after: 1 }))];
	await time.advance(100);
	const [key] = write();
	await time.advance(100);
	live.stop();
	await time.advance(0);
	const cursor = String(key);
	for (const client of clients) {
		expect(client.ended).toBe(true);
		expect(client.messages.at(-1)).toEqual({ event: 'end', cursor, data: { reason: 'stopping', cursor } });
	}
	expect([live.size, live.isFull]).toEqual([0, true]);
});

test('a hundred clients are enough for one worker', async () => {
	const { follow, live } = liveOf();
	const feeds = Array.from({ length: 99 }, () => follow());
	expect(live.isFull).toBe(false);
	feeds.push(follow());
	expect(live.isFull).toBe(true);
	for (const feed of feeds) feed.close();
	expect(live.isFull).toBe(false);
});

test('a log that can no longer be read ends the feeds, with the reason', async () => {
	const { time, write, follow, log, live, warnings } = liveOf();
	const client = taking(follow());
	await time.advance(100);
	log.refresh = () => {
		throw new Error('closed');
	};
	write();
	await time.advance(2000);
	expect(client.messages.at(-1)).toMatchObject({ event: 'end', data: { reason: 'unreadable' } });
	expect([client.ended, live.size, warnings.length]).toEqual([true, 0, 1]);
});

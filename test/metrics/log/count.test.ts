import { expect, test } from 'vitest';
import { logLinesCollector } from '../../../lib/metrics/collectors/log-lines.ts';
import { advanceLogCount, initialLogCount, type LogCount, type LogFiles } from '../../../lib/metrics/log/count.ts';
import { collected } from '../collectors/sample-of.ts';

const entry = (level: string, text = 'hello'): string =>
	`2026-11-22T22:05:44.148Z [http/1] [${level}] [tag "x"]: ${text}\n`;
const MIB = 1024 * 1024;

/** A directory of log files in memory. */
class FakeLog implements LogFiles {
	readonly files = new Map<string, string>();
	currentId: string | undefined;

	write(id: string, text: string): this {
		this.currentId = id;
		this.files.set(id, (this.files.get(id) ?? '') + text);
		return this;
	}
	async current() {
		return this.currentId === undefined ? undefined : this.rotated(this.currentId);
	}
	async rotated(id: string) {
		const text = this.files.get(id);
		return text === undefined ? undefined : { id, sizeBytes: text.length };
	}
	async read(id: string, offset: number, length: number) {
		return Buffer.from((this.files.get(id) ?? '').slice(offset, offset + length), 'latin1');
	}
}

async function settled(state: LogCount, log: LogFiles, now = 0): Promise<LogCount> {
	const next = await advanceLogCount(state, log, now);
	return JSON.stringify(next) === JSON.stringify(state) ? next : settled(next, log, now);
}

async function following(log: FakeLog): Promise<LogCount> {
	return settled(initialLogCount(), log.write('1', entry('error', 'before our time')));
}

test('the past of a file that is seen for the first time is not news', async () => {
	expect((await following(new FakeLog())).lines.error).toBe(0);
});

test('nothing is followed while there is no file', async () => {
	expect(await advanceLogCount(initialLogCount(), new FakeLog(), 0)).toEqual(initialLogCount());
});

test.each(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'notify'] as const)(
	'an entry of level %s counts once there and nowhere else',
	async (level) => {
		const log = new FakeLog();
		const state = await following(log);
		log.write('1', entry(level));
		const { lines } = await settled(state, log);
		expect({ ...lines, [level]: lines[level] - 1 }).toEqual(initialLogCount().lines);
	}
);

test.each([
	['the further lines of an entry', entry('error', 'Error: x\n    at y\n [error] z\n'), 1],
	['a line without a level', '2026-11-22T22:05:44.148Z console output [error]\n', 0],
	['an unknown level', entry('errors'), 0],
	['a head that is broken over two lines', '2026-11-22T22:05:44.148Z [http\n/1] [error]: x\n', 0],
	['text in other alphabets', entry('error', 'é\u00ff"\\'), 1],
])('only heads of entries count: %s', async (_, text, errors) => {
	const log = new FakeLog();
	const state = await following(log);
	log.write('1', text);
	expect((await settled(state, log)).lines.error).toBe(errors);
});

test('a line counts when it is complete, wherever the first reading cut it', async () => {
	const text = entry('warn');
	for (let cut = 0; cut <= text.length; cut++) {
		const log = new FakeLog();
		const start = await following(log);
		log.write('1', text.slice(0, cut));
		const half = await settled(start, log);
		log.write('1', text.slice(cut));
		expect((await settled(half, log)).lines.warn).toBe(1);
	}
});

test('a line longer than any reading counts once', async () => {
	const log = new FakeLog();
	const state = await following(log);
	log.write('1', entry('error', 'x'.repeat(MIB)) + entry('error'));
	expect((await settled(state, log)).lines.error).toBe(2);
});

test('reading again after nothing was written changes nothing', async () => {
	const log = new FakeLog();
	const state = await settled(await following(log), log.write('1', entry('info')));
	expect(await advanceLogCount(state, log, 0)).toEqual(state);
});

test('a state that went through JSON goes on where it was', async () => {
	const log = new FakeLog();
	const stored: LogCount = JSON.parse(
		JSON.stringify(await settled(await following(log), log.write('1', entry('info'))))
	);
	log.write('1', entry('info'));
	expect((await settled(stored, log)).lines.info).toBe(2);
});

test('a rotated file is finished and its successor counted from the beginning', async () => {
	const log = new FakeLog();
	const state = await following(log);
	log.write('1', entry('warn'));
	log.write('2', entry('error'));
	const after = await settled(state, log);
	expect(after.lines).toMatchObject({ warn: 1, error: 1 });
});

test('what other threads still write to the renamed file counts, until the grace is over', async () => {
	const log = new FakeLog();
	let state = await following(log);
	log.write('2', entry('error'));
	state = await settled(state, log, 1_000);
	log.files.set('1', `${log.files.get('1')}${entry('warn')}`);
	state = await settled(state, log, 11_000);
	expect(state.lines).toMatchObject({ warn: 1, error: 1 });
	state = await settled(state, log, 60_000);
	expect(state.files.map(({ id }) => id)).toEqual(['2']);
});

test('a rotated file that is gone does not stop the count', async () => {
	const log = new FakeLog();
	const state = await following(log);
	log.write('2', entry('error'));
	log.files.delete('1');
	expect((await settled(state, log)).lines.error).toBe(1);
});

test('the moment between two files loses nothing', async () => {
	const log = new FakeLog();
	let state = await following(log);
	log.currentId = undefined;
	log.files.delete('1');
	state = await settled(state, log);
	expect((await settled(state, log.write('2', entry('error')))).lines.error).toBe(1);
});

test('a truncated file is counted from its beginning', async () => {
	const log = new FakeLog();
	const state = await settled(await following(log), log.write('1', entry('info').repeat(3)));
	log.files.set('1', '');
	log.write('1', entry('info'));
	expect((await settled(state, log)).lines.info).toBe(4);
});

test('one call reads 4 MiB at most, and the next goes on', async () => {
	const log = new FakeLog();
	const state = await following(log);
	const count = Math.ceil((10 * MIB) / entry('info').length);
	log.write('1', entry('info').repeat(count));
	const first = await advanceLogCount(state, log, 0);
	expect((first.files[0]?.offset ?? 0) - (state.files[0]?.offset ?? 0)).toBeLessThanOrEqual(4 * MIB);
	expect(first.lines.info).toBeGreaterThan(0);
	expect((await settled(first, log)).lines.info).toBe(count);
});

test('what is too far behind is skipped and shown as skipped', async () => {
	const log = new FakeLog();
	const state = await following(log);
	const line = entry('info', 'x'.repeat(MIB - entry('info', '').length));
	log.write('1', line.repeat(70));
	const after = await settled(state, log);
	expect(after.skippedBytes).toBe(6 * MIB);
	expect(after.lines.info).toBeLessThanOrEqual(64);
	expect(after.lines.info).toBeGreaterThanOrEqual(63);
});

test('a failed reading rejects and leaves the state usable', async () => {
	const log = new FakeLog();
	const state = await following(log);
	log.write('1', entry('info'));
	const failing: LogFiles = { ...bound(log), read: () => Promise.reject(new Error('EIO')) };
	await expect(advanceLogCount(state, failing, 0)).rejects.toThrow('EIO');
	expect((await settled(state, log)).lines.info).toBe(1);
});

test('the collector shows every level, zeros included, and the skipped bytes', async () => {
	const state = await following(new FakeLog());
	const values = await collected(logLinesCollector(async () => state));
	expect(values).toMatchObject({ 'harper_log_lines_total{fatal}': 0, 'harper_log_skipped_bytes_total{}': 0 });
	expect(Object.keys(values)).toHaveLength(8);
});

function bound(log: FakeLog): LogFiles {
	return {
		current: () => log.current(),
		rotated: (id) => log.rotated(id),
		read: (id, offset, length) => log.read(id, offset, length),
	};
}

import { expect, test } from 'vitest';
import { linuxProcess, parseIo, parseStat } from '../../../lib/adapters/linux/process.ts';

const tail = 'S 1 1 1 0 -1 4194560 100 0 5 0 10 20 0 0 20 0 11 0 4665 6043736000 63869 18446744073709551615 1';

test.each(['(node)', '(a) b (c)', '() 1 2 3 (', '(no)de)'])('the name %s does not shift the fields', (name) => {
	expect(parseStat(`6239 ${name} ${tail}`.replace('() 1 2 3 (', '() 1 2 3 ()'))).toEqual({
		startTicks: 4665,
		virtualBytes: 6_043_736_000,
		residentPages: 63_869,
	});
});

test('a text that is no stat has no fields', () => {
	expect(parseStat('')).toEqual({ startTicks: undefined, virtualBytes: undefined, residentPages: undefined });
});

test('only bytes that reached storage are taken from io', () => {
	expect(parseIo('rchar: 9\nwchar: 9\nread_bytes: 4096\nwrite_bytes: 8192\ncancelled_write_bytes: 1\n')).toEqual({
		storageReadBytes: 4096,
		storageWrittenBytes: 8192,
	});
	expect(parseIo('')).toEqual({});
});

test.runIf(process.platform === 'linux')('this very process has plausible facts', async () => {
	const facts = linuxProcess();
	const reading = await facts.read();
	expect(Math.abs((reading.residentBytes ?? 0) / process.memoryUsage.rss() - 1)).toBeLessThan(0.2);
	expect(reading.virtualBytes).toBeGreaterThan(reading.residentBytes ?? Infinity);
	expect(reading.openDescriptors).toBeGreaterThan(2);
	expect(reading.maxDescriptors).toBeGreaterThanOrEqual(reading.openDescriptors ?? Infinity);
	expect(reading.userCpuSeconds).toBeGreaterThan(0);
	expect(Math.abs((reading.startedAt ?? 0) - (Date.now() - process.uptime() * 1000))).toBeLessThan(5_000);
	expect((await facts.read()).startedAt).toBe(reading.startedAt);
});

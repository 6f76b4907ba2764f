// What inspecting a database file costs, beside a bare loop with the native module over the same file, in one run.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { open, type Database } from 'lmdb';
import { inspectFile } from '../lib/adapters/lmdb/inspect-file.ts';
import { decodeEntry } from '../lib/audit/entry.ts';
import { installTemplate, startHarper } from '../test/support/harper.ts';
import { checkout, openRun, runDirectory } from '../test/support/run.ts';

interface Measured {
	readonly entries: number;
	readonly ms: number;
	readonly cpuMs: number;
	readonly rssMb: number;
}

const READERS: Readonly<Record<string, (path: string) => Promise<number>>> = {
	ours: async (path) => (await inspectFile(path)).entries,
	native: async (path) => readNatively(path),
};

const { values: options } = parseArgs({
	options: {
		rows: { type: 'string', default: '300000' },
		rounds: { type: 'string', default: '3' },
		/** A compact copy to read instead of making one. */
		file: { type: 'string' },
		reader: { type: 'string' },
	},
});

if (options.reader === undefined) await main();
else await measure(options.reader, options.file ?? '');

async function main(): Promise<void> {
	const run = await openRun();
	try {
		const path = options.file ?? (await makeDatabase(Number(options.rows)));
		const sizeMb = statSync(path).size / 1e6;
		console.log(`Node ${process.version}. A compact copy of ${sizeMb.toFixed(0)} MB, read by a process of its own.\n`);
		console.log('reader    entries      ms   entries/s   entries/s of CPU   most RSS');
		for (let round = 0; round < Number(options.rounds); round++) {
			for (const reader of Object.keys(READERS)) console.log(line(reader, await inProcess(reader, path)));
		}
	} finally {
		await run.close();
	}
}

function line(reader: string, { entries, ms, cpuMs, rssMb }: Measured): string {
	const rate = (time: number) => Math.round((entries / time) * 1000).toLocaleString('en');
	return [
		reader.padEnd(8),
		String(entries).padStart(9),
		ms.toFixed(0).padStart(7),
		rate(ms).padStart(11),
		rate(cpuMs).padStart(18),
		`${rssMb.toFixed(0)} MB`.padStart(10),
	].join(' ');
}

async function makeDatabase(rows: number): Promise<string> {
	await installTemplate();
	await using harper = await startHarper({
		components: [{ name: 'every-kind', source: join(checkout, 'test/support/fixtures/every-kind') }],
	});
	const ask = async (path: string, body: unknown) => {
		const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
		const response = await harper.fetch(path, { ...init, signal: AbortSignal.timeout(600_000) });
		if (!response.ok) throw new Error(`${path} answered ${response.status}`);
	};
	const path = join(runDirectory(), 'many.mdb');
	for (let from = 0; from < rows; from += 30_000) await ask('/KindsMany', { from, to: Math.min(from + 30_000, rows) });
	await ask('/KindsBackup', { database: 'kinds', path });
	return path;
}

async function inProcess(reader: string, path: string): Promise<Measured> {
	const child = fork(import.meta.filename, ['--reader', reader, '--file', path]);
	let measured: Measured | undefined;
	child.on('message', (message) => (measured = message as Measured));
	const [code] = await once(child, 'exit');
	if (measured === undefined) throw new Error(`The reader ${reader} ended with ${code}`);
	return measured;
}

async function measure(reader: string, path: string): Promise<void> {
	const startedAt = performance.now();
	const entries = await READERS[reader]!(path);
	const ms = performance.now() - startedAt;
	const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
	const measured: Measured = { entries, ms, cpuMs: (userCPUTime + systemCPUTime) / 1000, rssMb: maxRSS / 1000 };
	process.send?.(measured);
}

/** Every record, index entry and audit entry read and decoded once; nothing counted, hashed or compared. */
function readNatively(path: string): number {
	const structures = Symbol.for('structures');
	const root = open({ path, maxDbs: 10_000, sharedStructuresKey: structures, readOnly: true } as never);
	const store: Database = root.openDB('__dbis__', { encoding: 'msgpack', sharedStructuresKey: structures });
	const definitions = Array.from(store.getRange({ start: true }), ({ key, value }) => ({ key: String(key), value }));
	const primary = {
		useVersions: true,
		encoding: 'binary',
		sharedStructuresKey: structures,
	};
	const record = {
		encoding: 'msgpack',
		sharedStructuresKey: structures,
		randomAccessStructure: true,
		useBigIntExtension: true,
	};
	let entries = 0;
	const decoders = new Map<number, { decode(bytes: Uint8Array): unknown }>();
	for (const { key, value } of definitions) {
		if (key.endsWith('/')) {
			const { decoder } = root.openDB(key, { ...record, useVersions: true } as never) as unknown as {
				decoder: { decode(bytes: Uint8Array): unknown };
			};
			decoders.set(value.tableId, decoder);
			const rows = root.openDB(key, { ...primary, compression: value.compression } as never);
			for (const { value: bytes } of rows.getRange({ start: true })) {
				entries++;
				decode(decoder, withoutHeader(bytes));
			}
		} else if (value.indexed) {
			const kind = value.indexed.type
				? { encoding: 'binary' as const }
				: { dupSort: true, encoding: 'ordered-binary' as const };
			for (const entry of root.openDB(key, kind).getRange({ start: null as never })) if (entry) entries++;
		}
	}
	const audit = root.openDB('__txns__', { encoding: 'binary', keyEncoding: 'binary' });
	for (const { key, value } of audit.getRange({})) {
		if ((key as unknown as Uint8Array)[0] !== 66) continue;
		entries++;
		const entry = decodeEntry(value);
		const decoder = decoders.get(entry.tableId);
		if (decoder && entry.holds !== 'nothing') decode(decoder, value.subarray(entry.value.start, entry.value.end));
	}
	return entries;
}

/** A blob is an extension that only Harper knows. */
function decode(decoder: { decode(bytes: Uint8Array): unknown }, bytes: Uint8Array): unknown {
	try {
		return decoder.decode(bytes);
	} catch {
		return undefined;
	}
}

function withoutHeader(bytes: Buffer): Buffer {
	if (bytes.length <= 2 || bytes[0]! >= 32) return bytes;
	let at = bytes[0] === 2 ? 8 : 0;
	if (bytes[at]! < 32) {
		const flags = bytes[at] === 14 ? bytes.readUInt32BE(at) : bytes[at]!;
		at += bytes[at] === 14 ? 4 : 2;
		if (flags & 16) at += 8;
		if (flags & 32) at += 4;
	}
	return bytes.subarray(at);
}

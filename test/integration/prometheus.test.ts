import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startHarper, type Harper } from '../support/harper.ts';
import { lineToEachWorker } from '../support/line.ts';
import { parse, total } from '../support/openmetrics.ts';
import { long, markedEnvironment, runDirectory } from '../support/run.ts';
import { traffic } from '../support/traffic.ts';
import { scrapeOf, withWitness } from '../support/truth.ts';
import { eventually } from '../support/wait.ts';

/** How many scrapes, one a second, Prometheus must have made; 120 are the two minutes that we promise. */
const SCRAPES = long ? 120 : 20;
const json = { 'content-type': 'application/json' };

let harper: Harper;

beforeAll(async () => {
	harper = await startHarper({ components: withWitness(), workers: 2 });
	const access = { custodian: 'scraper' };
	await harper.operation({ operation: 'add_role', role: 'scraper', permission: { super_user: false }, access });
	await harper.operation({ operation: 'add_user', role: 'scraper', username: 'scraper', password: 'pw', active: true });
	await richTraffic();
});

afterAll(() => harper[Symbol.asyncDispose]());

test('promtool has nothing to say to what rich traffic leaves', async () => {
	// It reads text only, and finds counters of OpenMetrics, which are named without their suffix, to lack a type.
	const response = await harper.fetch('/metrics', { headers: { accept: 'text/plain' } });
	const body = await response.text();
	const parsed = parse(body, 'text');
	const sample = (name: string, labels = {}) => total(parsed, name, labels);
	expect(sample('harper_received_messages_total', { protocol: 'mqtt' })).toBeGreaterThan(0);
	expect(sample('harper_received_messages_total', { protocol: 'ws' })).toBeGreaterThan(0);
	expect(sample('harper_connection_attempts_total', { protocol: 'mqtt' })).toBeGreaterThan(0);
	expect(sample('harper_operations_total')).toBeGreaterThan(0);
	expect(sample('harper_custom_observations_count', { metric: 'brew' })).toBe(1);
	const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: body, encoding: 'utf8' });
	expect([stdout + stderr, status]).toEqual(['', 0]);
});

test(`Prometheus scrapes ${SCRAPES} times, once a second, and complains of nothing`, async () => {
	const directory = await mkdtemp(join(runDirectory(), 'prometheus-'));
	const configuration = {
		global: { scrape_interval: '1s', scrape_timeout: '1s' },
		scrape_configs: [
			{
				job_name: 'harper',
				basic_auth: { username: 'scraper', password: 'pw' },
				static_configs: [{ targets: [`${harper.address}:9926`] }],
			},
		],
	};
	// JSON is YAML.
	await writeFile(join(directory, 'prometheus.yml'), JSON.stringify(configuration));
	const port = await freePort();
	const log = join(directory, 'log');
	const output = openSync(log, 'w');
	const prometheus = spawn(
		'prometheus',
		[
			`--config.file=${directory}/prometheus.yml`,
			`--storage.tsdb.path=${directory}/data`,
			`--web.listen-address=127.0.0.1:${port}`,
		],
		{ env: markedEnvironment(directory), stdio: ['ignore', output, output] }
	);
	closeSync(output);
	const enough = new AbortController();
	const flow = traffic(harper, Infinity, undefined, enough.signal);
	const query = async (expression: string): Promise<number | undefined> => {
		const response = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expression)}`);
		const { data }: { data: { result: { value: [number, string] }[] } } = JSON.parse(await response.text());
		return data.result[0] && Number(data.result[0].value[1]);
	};
	try {
		await eventually(async () => Number(await query('count_over_time(up[10m])')) >= SCRAPES, {
			describe: `Prometheus has scraped ${SCRAPES} times`,
			timeoutMs: SCRAPES * 2000 + 20_000,
			intervalMs: 500,
		});
		expect(await query('min_over_time(up[10m])')).toBe(1);
		expect(await query('min_over_time(harper_up[10m])')).toBe(1);
		expect(await query('sum(increase(harper_http_requests_total[10m]))')).toBeGreaterThan(0);
		for (const counter of [
			'http_requests_total',
			'http_request_duration_seconds_bucket',
			'process_cpu_seconds_total',
		]) {
			expect(await query(`sum(resets(harper_${counter}[10m]))`)).toBe(0);
		}
		expect(readFileSync(log, 'utf8').match(/^.*level=(?:warn|error).*$/gm)).toBeNull();
		console.log(
			`prometheus: ${await query('count_over_time(up[10m])')} scrapes, ${await query('scrape_samples_scraped')} samples,`,
			`longest ${await query('max_over_time(scrape_duration_seconds[10m])')} s`
		);
	} finally {
		enough.abort();
		await flow;
		const ended = once(prometheus, 'exit');
		prometheus.kill('SIGTERM');
		await ended;
	}
}, 300_000);

/** Tables, operations, WebSocket, MQTT and a custom metric, until all of it is in the log. */
async function richTraffic(): Promise<void> {
	await traffic(harper, 300);
	const lines = await lineToEachWorker(harper);
	const record = [[0.5, 'brew', 'bar', 'POST', 'hot']];
	await lines[0]!.ask('/WitnessRecord', { method: 'POST', headers: json, body: JSON.stringify(record) });
	await overMqtt();
	await overWebSocket();
	await eventually(
		async () => {
			const scrape = await scrapeOf(lines[1]!);
			const messages = (protocol: string) => total(scrape, 'harper_received_messages_total', { protocol });
			return messages('mqtt') > 0 && messages('ws') > 0 && total(scrape, 'harper_custom_observations_count') > 0;
		},
		{ describe: 'everything is counted' }
	);
	for (const line of lines) line[Symbol.dispose]();
}

/** Subscribes to a table and publishes to it, in MQTT 3.1.1 written out by hand; resolves when the message is back. */
async function overMqtt(): Promise<void> {
	const text = (value: string) => Buffer.from([0, value.length, ...Buffer.from(value)]);
	const packet = (type: number, ...parts: Buffer[]) => {
		const body = Buffer.concat(parts);
		return Buffer.concat([Buffer.from([type, body.length]), body]);
	};
	const withCredentials = 0b1100_0010;
	const connecting = [
		text('MQTT'),
		Buffer.from([4, withCredentials, 0, 60]),
		text('tester'),
		text('admin'),
		text('pw'),
	];
	const socket = connect(1883, harper.address);
	// Each after the last is acknowledged: sent in one go, the message did not always come back.
	socket.write(packet(0x10, ...connecting));
	await receive(socket, CONNACK);
	socket.write(packet(0x82, Buffer.from([0, 1]), text('Feed/+'), Buffer.from([0])));
	await receive(socket, SUBACK);
	socket.write(packet(0x30, text('Feed/1'), Buffer.from(JSON.stringify({ id: '1', text: 'over MQTT' }))));
	await receive(socket, 'over MQTT');
	socket.end(packet(0xe0));
}

/** Sends a message to a resource that sends it back. */
async function overWebSocket(): Promise<void> {
	const socket = connect(9926, harper.address);
	const credentials = Buffer.from('admin:pw').toString('base64');
	socket.write(
		[
			'GET /Echo HTTP/1.1',
			`Host: ${harper.address}`,
			'Upgrade: websocket',
			'Connection: Upgrade',
			'Sec-WebSocket-Version: 13',
			'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
			`Authorization: Basic ${credentials}`,
			'',
			'',
		].join('\r\n')
	);
	await receive(socket, '\r\n\r\n');
	const message = Buffer.from('"over WebSocket"');
	// A text frame, masked with zeros.
	socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | message.length, 0, 0, 0, 0]), message]));
	await receive(socket, 'over WebSocket');
	socket.destroy();
}

const CONNACK = '\x20\x02\0\0';
const SUBACK = '\x90\x03';

/** Resolves when what comes from now on holds `expected`. */
function receive(socket: Socket, expected: string): Promise<void> {
	return new Promise((resolve, reject) => {
		let received = '';
		const hear = (data: Buffer) => {
			received += data.toString('latin1');
			if (!received.includes(expected)) return;
			socket.off('data', hear);
			resolve();
		};
		const fail = () => reject(new Error(`Not ${JSON.stringify(expected)} came, but ${JSON.stringify(received)}`));
		socket.setTimeout(10_000, () => socket.destroy());
		socket.once('error', fail);
		socket.once('close', fail);
		socket.on('data', hear);
	});
}

async function freePort(): Promise<number> {
	const server = createServer();
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const address = server.address();
	server.close();
	if (typeof address !== 'object' || address === null) throw new Error('No port');
	return address.port;
}

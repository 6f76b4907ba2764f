import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { admin, type Harper } from '../../test/support/harper.ts';
import { Client } from './client.ts';

/** Traffic that goes on until it is stopped. */
export interface Load {
	readonly description: string;
	stop(): Promise<void>;
}

export const idle: Load = { description: 'idle', stop: async () => undefined };

/** GET and PUT in turn, spread over the tables and over eight connections. */
export function requestsTo(harper: Harper, tables: number, perSecond: number): Load {
	const clients = Array.from({ length: 8 }, () => new Client(harper.httpUrl, admin));
	const stop = steadily(perSecond, async (n) => {
		const { status } = await requestTable(clients[n % clients.length]!, (n >> 1) % tables, n);
		if (status >= 400) throw new Error(`The load met status ${status}`);
	});
	return {
		description: `${perSecond} requests/s`,
		async stop() {
			await stop();
			for (const client of clients) client.close();
		},
	};
}

/** Every table read and written once, so that all of its series are there. */
export async function touch(harper: Harper, tables: number): Promise<void> {
	const client = new Client(harper.httpUrl, admin);
	for (let n = 1; n <= 2 * tables; n++) await requestTable(client, (n >> 1) % tables, n);
	client.close();
}

function requestTable(client: Client, table: number, n: number) {
	if (n % 2 === 0) return client.send(`/T${table}/row`);
	const headers = { 'content-type': 'application/json' };
	return client.send(`/T${table}/row`, {
		method: 'PUT',
		headers,
		body: JSON.stringify({ id: 'row', name: `name ${n}` }),
	});
}

/** MQTT publishing with QoS 1 to so many topics in turn, over two connections. */
export async function publishing(harper: Harper, topics: number, perSecond: number): Promise<Load> {
	const sockets = [await mqttConnection(harper), await mqttConnection(harper)];
	const publish = (n: number) => {
		const message = publishPacket(topicName(n % topics), JSON.stringify({ name: `${n}` }), (n % 65_535) + 1);
		sockets[n % sockets.length]!.write(message);
	};
	for (let n = 0; n < topics; n++) {
		publish(n);
		if (n % 20 === 0) await delay(20);
	}
	const stop = steadily(perSecond, async (n) => publish(n));
	return {
		description: `${perSecond} publishes/s`,
		async stop() {
			await stop();
			for (const socket of sockets) socket.destroy();
		},
	};
}

function topicName(n: number): string {
	return `T${n % 6}/hall-${n % 40}/machine-${n}/temperature`;
}

/** Calls `act` so many times a second, evenly; what it rejects with appears when stopping. */
export function steadily(perSecond: number, act: (n: number) => Promise<void>): () => Promise<void> {
	const startedAt = performance.now();
	const failures: unknown[] = [];
	let n = 0;
	const timer = setInterval(() => {
		for (; n < ((performance.now() - startedAt) / 1000) * perSecond; n++) {
			act(n).catch((error: unknown) => failures.push(error));
		}
	}, 5);
	return async () => {
		clearInterval(timer);
		await delay(200);
		if (failures.length > 0) throw new Error(`${failures.length} of ${n} failed`, { cause: failures[0] });
	};
}

/** MQTT 3.1.1, as far as a sensor speaks it. */
async function mqttConnection(harper: Harper): Promise<Socket> {
	const socket = connect(1883, harper.address);
	await once(socket, 'connect');
	const flags = 0b1100_0010;
	const id = `bench-${performance.now()}`;
	const variableHeader = [...text('MQTT'), 4, flags, 0, 0];
	socket.write(packet(0x10, [...variableHeader, ...text(id), ...text(admin.username), ...text(admin.password)]));
	const [answer] = await once(socket, 'data');
	if (answer[0] !== 0x20 || answer[3] !== 0) throw new Error(`MQTT refused the connection: ${answer[3]}`);
	socket.resume();
	return socket;
}

function publishPacket(topic: string, message: string, id: number): Buffer {
	return packet(0x32, [...text(topic), id >> 8, id & 255, ...Buffer.from(message)]);
}

function text(value: string): number[] {
	const bytes = Buffer.from(value);
	return [bytes.length >> 8, bytes.length & 255, ...bytes];
}

function packet(type: number, content: readonly number[]): Buffer {
	const { length } = content;
	return Buffer.from([type, ...(length < 128 ? [length] : [(length & 127) | 128, length >> 7]), ...content]);
}

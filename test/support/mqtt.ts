import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Credentials } from './harper.ts';

/** As much of MQTT 3.1.1 as it takes to publish. */
export class MqttPublisher implements Disposable {
	readonly #socket: Socket;
	#packetId = 0;

	private constructor(socket: Socket) {
		this.#socket = socket;
	}

	static async connect(host: string, { username, password }: Credentials): Promise<MqttPublisher> {
		const socket = connect(1883, host);
		await once(socket, 'connect');
		const publisher = new MqttPublisher(socket);
		const flags = Buffer.of(4, 0b1100_0010, 0, 60);
		const answer = await publisher.#ask(0x10, [
			sized('MQTT'),
			flags,
			sized('custodian-test'),
			sized(username),
			sized(password),
		]);
		if (answer[0] !== 0x20 || answer[3] !== 0) throw new Error(`The broker answered ${answer.toString('hex')}`);
		return publisher;
	}

	/** Resolves when the broker has taken it. */
	async publish(topic: string, value: unknown, { retain }: { readonly retain: boolean }): Promise<void> {
		const id = Buffer.alloc(2);
		id.writeUInt16BE(++this.#packetId);
		const answer = await this.#ask(retain ? 0x33 : 0x32, [sized(topic), id, Buffer.from(JSON.stringify(value))]);
		if (answer[0] !== 0x40) throw new Error(`The broker answered ${answer.toString('hex')}`);
	}

	[Symbol.dispose](): void {
		this.#socket.destroy();
	}

	async #ask(type: number, parts: readonly Uint8Array[]): Promise<Buffer> {
		const body = Buffer.concat(parts);
		this.#socket.write(Buffer.concat([Buffer.of(type), lengthOf(body.length), body]));
		const [answer] = await once(this.#socket, 'data', { signal: AbortSignal.timeout(10_000) });
		if (!(answer instanceof Buffer)) throw new Error('The broker sent no bytes');
		return answer;
	}
}

function sized(text: string): Buffer {
	const bytes = Buffer.from(text);
	return Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length & 0xff), bytes]);
}

function lengthOf(length: number): Buffer {
	return length < 128 ? Buffer.of(length) : Buffer.of((length & 0x7f) | 0x80, length >> 7);
}

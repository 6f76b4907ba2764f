import { connect, type Socket } from 'node:net';
import type { Credentials, Harper } from './harper.ts';

/** A WebSocket of a client, as far as reading goes: what it was sent, and with which code it was closed. */
export class WebSocketClient {
	readonly messages: unknown[] = [];
	/** Undefined as long as it is open; `lost` where the connection ended without a code. */
	closed: number | 'lost' | undefined;
	readonly #socket: Socket;
	#received = Buffer.alloc(0);
	#isUpgraded = false;

	constructor(harper: Harper, path: string, user: Credentials | null) {
		const credentials = user && Buffer.from(`${user.username}:${user.password}`).toString('base64');
		const lines = [
			`GET ${path} HTTP/1.1`,
			`Host: ${harper.address}`,
			'Upgrade: websocket',
			'Connection: Upgrade',
			'Sec-WebSocket-Version: 13',
			'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
			...(credentials === null ? [] : [`Authorization: Basic ${credentials}`]),
		];
		this.#socket = connect(9926, harper.address);
		this.#socket.on('data', (data) => this.#read(data));
		this.#socket.on('error', () => {});
		this.#socket.on('close', () => (this.closed ??= 'lost'));
		this.#socket.write([...lines, '', ''].join('\r\n'));
	}

	/** Leaves as one whose machine goes off: without a word. */
	leave(): void {
		this.#socket.destroy();
	}

	#read(data: Buffer): void {
		this.#received = Buffer.concat([this.#received, data]);
		if (!this.#isUpgraded) {
			const end = this.#received.indexOf('\r\n\r\n');
			if (end < 0) return;
			this.#isUpgraded = true;
			this.#received = this.#received.subarray(end + 4);
		}
		for (let frame = this.#frame(); frame !== undefined; frame = this.#frame()) {
			const { opcode, payload } = frame;
			if (opcode === CLOSE) {
				this.closed = payload.length >= 2 ? payload.readUInt16BE(0) : 'lost';
				// The server waits half a minute for who stays.
				this.leave();
			} else this.messages.push(JSON.parse(payload.toString()));
		}
	}

	/** A server sends whole messages, and does not mask them. */
	#frame(): { readonly opcode: number; readonly payload: Buffer } | undefined {
		const bytes = this.#received;
		if (bytes.length < 2) return undefined;
		const short = bytes[1]! & 0x7f;
		const start = short < 126 ? 2 : short === 126 ? 4 : 10;
		if (bytes.length < start) return undefined;
		const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
		if (bytes.length < start + length) return undefined;
		this.#received = bytes.subarray(start + length);
		return { opcode: bytes[0]! & 0x0f, payload: bytes.subarray(start, start + length) };
	}
}

const CLOSE = 8;

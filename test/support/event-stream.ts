import type { Credentials, Harper } from './harper.ts';

export interface ServerEvent {
	readonly event: string;
	readonly data: unknown;
}

/** A stream of events as a browser reads it. */
export class EventStream {
	status: number | undefined;
	readonly events: ServerEvent[] = [];
	/** What a browser would send when it comes back. */
	lastId: string | undefined;
	isEnded = false;
	readonly #leaving = new AbortController();

	constructor(
		harper: Harper,
		path: string,
		{ user, lastId }: { readonly user: Credentials; readonly lastId?: string | undefined }
	) {
		const headers = { accept: 'text/event-stream', ...(lastId === undefined ? {} : { 'last-event-id': lastId }) };
		this.lastId = lastId;
		void this.#read(harper.fetch(path, { user, headers, signal: this.#leaving.signal }))
			.catch(() => {})
			.finally(() => (this.isEnded = true));
	}

	leave(): void {
		this.#leaving.abort();
	}

	async #read(asked: Promise<Response>): Promise<void> {
		const response = await asked;
		this.status = response.status;
		let text = '';
		const decoder = new TextDecoder();
		for await (const chunk of response.body ?? []) {
			text += decoder.decode(chunk, { stream: true });
			const blocks = text.split('\n\n');
			text = blocks.pop() ?? '';
			for (const block of blocks) this.#take(block);
		}
	}

	#take(block: string): void {
		const fields = new Map(block.split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2) as [string, string]));
		this.lastId = fields.get('id') ?? this.lastId;
		const data = fields.get('data');
		if (data !== undefined) this.events.push({ event: fields.get('event') ?? 'message', data: JSON.parse(data) });
	}
}

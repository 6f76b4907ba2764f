import type { Feed, FeedMessage } from '../../http/feed.ts';

/**
 * A feed as Harper iterates it for a stream of events: bytes, which it passes on as they are. No generator: one that
 * waits for its next message does not end when the client leaves.
 */
export function eventStream(feed: Feed): AsyncIterable<Uint8Array> {
	return iterable(feed, (message) => Buffer.from(eventText(message)));
}

/** A feed as Harper iterates it for a WebSocket: it serialises each message as the client asked for, by default as JSON. */
export function socketMessages(feed: Feed): AsyncIterable<object> {
	return iterable(feed, (message) => message);
}

function iterable<T>(feed: Feed, write: (message: FeedMessage) => T): AsyncIterable<T> {
	const ended = { done: true as const, value: undefined };
	return {
		[Symbol.asyncIterator]: () => ({
			async next() {
				const message = await feed.next();
				if (message !== undefined) return { done: false, value: write(message) };
				feed.close();
				return ended;
			},
			async return() {
				feed.close();
				return ended;
			},
		}),
	};
}

/** Without data a browser remembers the id, and tells nobody. */
function eventText({ event, cursor, data }: FeedMessage): string {
	if (data === undefined) return `id: ${cursor}\n\n`;
	return `event: ${event}\nid: ${cursor}\ndata: ${JSON.stringify(data)}\n\n`;
}

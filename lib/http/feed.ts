/** One message to a client that listens. */
export interface FeedMessage {
	/** What kind of message it is. */
	readonly event: string;
	/** From where to go on, if this is the last message that arrives. */
	readonly cursor: string;
	/** JSON; undefined for a sign of life, which only moves the cursor. */
	readonly data?: unknown;
}

/** Messages to one client. Whoever has it closes it, whether it has ended or not. */
export interface Feed {
	/** The next message; undefined when there will be no more. Never asked for again before it has answered. */
	next(): Promise<FeedMessage | undefined>;
	/** Ends it at once; what waits for a message gets none. May be called again. */
	close(): void;
}

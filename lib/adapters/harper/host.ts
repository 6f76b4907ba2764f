/**
 * What we use of Harper's globals, narrowed to what we call. Harper puts them into every worker before it loads a
 * component; importing the package instead would fail on the main thread and start a second Harper elsewhere.
 */
export interface Host {
	readonly server: Server;
	readonly databases: Readonly<Record<string, Readonly<Record<string, Table>> | undefined>>;
	readonly threads: { onMessageByType(type: string, listener: (message: unknown) => void): void };
	readonly logger: Logger;
}

export interface Logger {
	error(message: string): void;
	warn(message: string): void;
	info(message: string): void;
}

export interface Server {
	readonly config: Readonly<Record<string, unknown>>;
	readonly resources: Map<string, unknown> & { set(path: string, resource: unknown): void };
	http(
		listener: (request: HarperRequest, next: (request: HarperRequest) => unknown) => unknown,
		options?: { readonly port: string | number }
	): void;
	operation(request: object, context: object, authorize: boolean): Promise<unknown>;
}

/** Harper's own request, as a static verb of a resource or a listener receives it. */
export interface HarperRequest {
	readonly method: string;
	/** Path and query. */
	readonly url: string;
	readonly headers: { readonly asObject: Readonly<Record<string, string | string[] | undefined>> };
	readonly user?: unknown;
	readonly isWebSocket?: boolean;
	/** The path under which analytics count the request. */
	handlerPath?: string;
}

export interface Table {
	readonly primaryStore: Store;
}

/** The LMDB store of a table. */
export interface Store {
	get(key: unknown): unknown;
	put(key: unknown, value: unknown): Promise<boolean>;
	getRange(options: {
		readonly start?: unknown;
		readonly end?: unknown;
		readonly exclusiveStart?: boolean;
		readonly reverse?: boolean;
		readonly limit?: number;
	}): Iterable<{ readonly key: unknown; readonly value: unknown }>;
	resetReadTxn(): void;
	/** True when this thread now holds the lock; otherwise `onReleased` is called once it may try again. */
	attemptLock(key: unknown, version: number, onReleased: () => void): boolean;
	unlock(key: unknown, version: number): boolean;
	hasLock(key: unknown, version: number): boolean;
}

/** The globals of the Harper worker that this code runs in. */
export function harperHost(): Host {
	// Harper declares no types for its globals; what is claimed here was tried against 4.7.29.
	// oxlint-disable-next-line typescript/no-unsafe-type-assertion
	return globalThis as unknown as Host;
}

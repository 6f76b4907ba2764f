/**
 * What we use of Harper's globals, narrowed to what we call. Harper puts them into every worker before it loads a
 * component; importing the package instead would fail on the main thread and start a second Harper elsewhere.
 */
export interface Host {
	readonly server: Server;
	readonly databases: Readonly<Record<string, Readonly<Record<string, TableClass>>>>;
	/** A port to every other living thread; that to the main thread has no id. */
	readonly threads: readonly { readonly threadId?: number }[] & {
		onMessageByType(type: string, listener: (message: unknown) => void): void;
	};
	readonly logger: Logger;
	/** Commits what is written with this context when the work ends, in one transaction of each database. */
	transaction<T>(context: WriteContext, work: (transaction: WriteTransaction) => Promise<T>): Promise<T>;
	createBlob(bytes: Uint8Array, options: { readonly type?: string; readonly saveBeforeCommit: boolean }): object;
}

/** On whose behalf something is written, and how. */
export interface WriteContext {
	readonly user: { readonly username: string };
	/** The version of what is written. */
	readonly timestamp: number;
	/** Whatever it is: Harper then writes what it is given, and neither checks it nor sets times. */
	readonly source: object;
	readonly expiresAt?: number;
	readonly transaction?: WriteTransaction;
}

export interface WriteTransaction {
	/** What is to be written; an entry is `null` where it was taken back. */
	readonly writes: (PendingWrite | null)[];
	/** With as many retries as this, the writes are made while nobody else can write, with the entries as they then are. */
	commit(options: { readonly doneWriting: boolean; readonly retries: number }): Promise<unknown>;
}

export interface PendingWrite {
	readonly key: unknown;
	/** Called while nobody else can write, with what is then there. */
	commit(version: number, entry: StoredEntry | undefined, retries: number): unknown;
}

export interface StoredEntry {
	readonly version?: number;
	readonly localTime?: number;
}

interface Logger {
	error(message: string): void;
	warn(message: string): void;
}

/** Answers a request, or hands it on. */
export type Listener = (request: HarperRequest, next: (request: HarperRequest) => unknown) => unknown;

interface Server {
	/** `harperdb-config.yaml` as it was when this worker started. */
	readonly config: Readonly<Record<string, unknown>>;
	/** The name of this node in its cluster. */
	readonly hostname?: string;
	/** `exportIdMapping`: the numbers that an audit store has for the nodes of the cluster, by their names. */
	readonly replication?: { exportIdMapping(auditStore: Store): Readonly<Record<string, number>> };
	readonly resources: Map<string, unknown> & { set(path: string, resource: unknown): void };
	http(listener: Listener, options: { readonly port?: string | number }): void;
	ws(listener: (socket: { terminate(): void }) => void, options: { readonly port: string | number }): void;
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
	/** Of Node.js; absent where a request is not one of HTTP. */
	readonly _nodeResponse?: {
		destroy(): void;
		readonly destroyed: boolean;
		on(event: 'close', listener: () => void): void;
	};
	readonly _nodeRequest?: { readonly socket?: { readonly destroyed: boolean } };
	/** The path under which analytics count the request. */
	handlerPath?: string;
}

/** What a WebSocket sends. Without a listener of its data it keeps all of it. */
export interface Incoming {
	on(event: 'data' | 'close', listener: () => void): void;
}

export interface TreeStats {
	readonly pageSize: number;
	readonly treeBranchPageCount: number;
	readonly treeLeafPageCount: number;
	readonly overflowPages: number;
	readonly entryCount: number;
}

/** The environment of a database. Its `getStats` takes a fresh read transaction, as every reading should begin with. */
export interface RootStore {
	readonly path: string;
	readonly dbisDb?: Store;
	/** Writes a compact copy to a file that must not exist. */
	backup(path: string, compact: true): Promise<void>;
	/** Of the environment as a whole; needs no read transaction, unlike everything else. */
	readonly env: { info(): Readonly<Record<string, number>> };
	getStats(): TreeStats & Readonly<Record<string, number>> & { readonly root: TreeStats; readonly free: TreeStats };
	readerList(): string;
}

export interface Store {
	readonly rootStore: RootStore;
	/** Counts of this one tree, which take microseconds to read; valid only in the turn in which `rootStore.getStats()` was called. */
	readonly db: { stat(): TreeStats };
	/** Memory that all threads share under this key, made from `initial` when there is none. */
	getUserSharedBuffer?(key: readonly string[], initial: ArrayBuffer): ArrayBuffer;
	getRange(options: object): Iterable<{ readonly key: unknown; readonly value: unknown }>;
	getKeys(options: object): Iterable<unknown>;
	get(key: string | number | symbol): unknown;
	/** The bytes of a value, decompressed, as a copy. */
	getBinary(key: unknown): Buffer | undefined;
	getEntry(key: unknown): StoredEntry | undefined;
	put(key: string, value: object): Promise<boolean>;
	remove(key: string): Promise<boolean>;
	/** Does what `write` queues only if there is nothing under the key; whether it was done. */
	ifNoExists(key: string, write: () => void): Promise<boolean>;
	/** Calls back after each commit to the database, by whatever thread. It cannot be ended. */
	on(event: 'committed', listener: () => void): void;
	/** Lets the next reading see what was committed before it. */
	resetReadTxn(): void;
	/** True when this thread now holds the lock; otherwise `onReleased` is called once it may try again. */
	attemptLock(key: string, version: number, onReleased: () => void): boolean;
	unlock(key: string, version: number): boolean;
	hasLock(key: string, version: number): boolean;
}

interface Index {
	readonly db?: { stat(): TreeStats };
	getValuesCount?(value: string): number;
}

export interface TableClass {
	/** Writes as any application does: audited, and replicated where the table is. */
	put(record: object): Promise<unknown>;
	delete(id: string): Promise<unknown>;
	/** With `ensureLoaded: false` what is there is not read. */
	getResource(
		id: unknown,
		context: WriteContext,
		options: { readonly ensureLoaded: boolean }
	): WritableResource | Promise<WritableResource>;
	readonly primaryStore: Store;
	readonly auditStore?: Store;
	readonly indices: Readonly<Record<string, Index>>;
	readonly tableId: number;
	/** Whether its changes are logged. */
	readonly audit: boolean;
	readonly primaryKey: string;
	readonly attributes: readonly Attribute[];
	readonly createdTimeProperty?: Attribute;
	readonly updatedTimeProperty?: Attribute;
	/** Whether one of its sources can be read from; that may be the cluster itself. */
	readonly isCaching: unknown;
	readonly sources: readonly { readonly intermediateSource?: boolean }[];
}

/** A record, with the methods that Harper's own `put` and `delete` end in. */
interface WritableResource {
	_writeUpdate(id: unknown, record: object, isWhole: true): void;
	_writeDelete(id: unknown): void;
}

export interface Attribute {
	readonly name: string;
	readonly type?: string;
	readonly isPrimaryKey?: boolean;
}

/** The globals of the Harper worker that this code runs in. */
export function harperHost(): Host {
	// Harper declares no types for its globals; what is claimed here was tried against 4.7.29.
	// oxlint-disable-next-line typescript/no-unsafe-type-assertion
	return globalThis as unknown as Host;
}

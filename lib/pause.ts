/** Lets the event loop serve others; long loops await it now and then. */
export type Pause = () => Promise<void>;

/** Resolves after so many milliseconds, or as soon as the signal is aborted; never rejects. Keeps no process alive. */
export type Sleep = (ms: number, signal?: AbortSignal) => Promise<void>;

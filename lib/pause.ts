/** Lets the event loop serve others; long loops await it now and then. */
export type Pause = () => Promise<void>;

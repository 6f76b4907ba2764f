/** A lock that one thread of the process can hold, released by itself when that thread dies. */
export interface ThreadLock {
	/** Whether this thread now holds it. If not, `onReleased` is called once when trying again is worth while. */
	attempt(onReleased: () => void): boolean;
	release(): void;
	/** Whether any thread holds it. */
	isHeld(): boolean;
}

export interface Candidate {
	/** Gives the office up for good, so that another worker takes it soon. */
	resign(): void;
}

/**
 * Stands for election: runs `lead` when this worker becomes the elected one, and what it returned when it resigns. The
 * office is given up when that has come to an end: what it does must not meet what the next one does.
 */
export function stand(lock: ThreadLock, lead: () => () => Promise<void>): Candidate {
	let stop: (() => Promise<void>) | undefined;
	let resigned = false;
	const attempt = () => {
		if (resigned || stop) return;
		if (lock.attempt(attempt)) stop = lead();
	};
	attempt();
	return {
		resign() {
			resigned = true;
			if (!stop) return;
			const release = () => lock.release();
			stop().then(release, release);
			stop = undefined;
		},
	};
}

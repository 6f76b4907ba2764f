/** Runs one piece of work at a time, in the order of the calls, whatever becomes of those before. */
export function inTurn(): <T>(work: () => Promise<T>) => Promise<T> {
	let last: Promise<unknown> | undefined;
	return async (work) => {
		const before = last;
		const run = before === undefined ? work() : before.then(work, work);
		last = run;
		try {
			return await run;
		} finally {
			if (last === run) last = undefined;
		}
	};
}

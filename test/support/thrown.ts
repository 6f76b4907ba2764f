/** Whether some work ends well or with an error of this kind, and with no other. */
export function endsWellOrWith(kind: new (...args: never[]) => Error, work: () => unknown): boolean {
	try {
		work();
		return true;
	} catch (error) {
		if (error instanceof kind) return true;
		throw error;
	}
}

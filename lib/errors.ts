/** What failed, on what, and what the operator can do about it. Codes are stable; messages are not. */
export class CustodianError extends Error {
	readonly code: string;
	readonly subject: string;
	readonly hint: string | undefined;

	constructor(
		code: string,
		subject: string,
		message: string,
		options: { cause?: unknown; hint?: string | undefined } = {}
	) {
		super(message, options.cause === undefined ? undefined : { cause: options.cause });
		this.name = 'CustodianError';
		this.code = code;
		this.subject = subject;
		this.hint = options.hint;
	}
}

/** The message of anything that was thrown, and the hint where it has one: what a log line should say. */
export function messageOf(thrown: unknown): string {
	if (thrown instanceof CustodianError && thrown.hint !== undefined) return `${thrown.message} ${thrown.hint}`;
	return thrown instanceof Error ? thrown.message : String(thrown);
}

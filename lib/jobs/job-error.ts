import { CustodianError, messageOf } from '../errors.ts';
import type { JobError } from './job.ts';

/** What an operator is told of anything that was thrown. */
export function jobError(error: unknown): JobError {
	if (!(error instanceof CustodianError)) {
		return { code: 'internal', message: messageOf(error), hint: "Look into Harper's log, and report it." };
	}
	const { code, message, hint } = error;
	return { code, message, ...(hint === undefined ? {} : { hint }) };
}

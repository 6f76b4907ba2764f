import { CustodianError } from '../errors.ts';
import type { Option } from './options.ts';

/** The options that were given, by name, and what else was. */
export interface Given {
	text(name: string): string | undefined;
	texts(name: string): readonly string[];
	flag(name: string): boolean;
	readonly operands: readonly string[];
}

/** Tells options and operands apart. Throws `usage` for an option that is none of these, or lacks its value. */
export type ReadOptions = (words: readonly string[], options: readonly Option[]) => Given;

export function usage(message: string): CustodianError {
	return new CustodianError('usage', 'command line', message, { hint: 'See custodian --help.' });
}

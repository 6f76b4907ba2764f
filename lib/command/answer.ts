/**
 * 0: all is well. 1: something is damaged, or is not there. 2: the command line or the configuration is wrong, or what
 * was to be written is there already. 3: it could not be found out, or not be done: the repository is out of reach, a
 * key is missing, a disk is full.
 */
export type ExitCode = 0 | 1 | 2 | 3;

/** What a subcommand found, for machines and for people. */
export interface Answer {
	readonly exitCode: ExitCode;
	/** Printed as JSON. */
	readonly report: object;
	readonly text: string;
}

/** What an error with this code means for whoever runs the command. */
export function exitCodeOf(code: string): ExitCode {
	if (DAMAGED.has(code)) return 1;
	return WRONG.has(code) ? 2 : 3;
}

const DAMAGED = new Set([
	'object_damaged',
	'object_missing',
	'snapshot_damaged',
	'snapshot_unreadable',
	'snapshot_missing',
	'contents_differ',
]);
const WRONG = new Set(['usage', 'configuration_invalid', 'file_exists', 'snapshot_external']);

import { SUBCOMMANDS, type Option, type SubcommandName } from '../options.ts';
import { pairs } from './table.ts';

/** What the command is for, or one of its subcommands. */
export function helpText(of: SubcommandName | undefined): string {
	if (of === undefined) return OVERVIEW;
	const { operands, summary, options } = SUBCOMMANDS[of];
	const synopsis = ['custodian', of, operands, '[options]'].filter((word) => word !== '').join(' ');
	return [synopsis, '', summary, '', indented(pairs(options.map(line))), '', EXIT_CODES].join('\n');
}

function line({ name, value, help }: Option): readonly [string, string] {
	return [`--${name}${value === undefined ? '' : ` ${value}`}`, help];
}

function indented(text: string): string {
	return text.replaceAll(/^(?=.)/gm, '  ');
}

const EXIT_CODES = `Exit codes
  0  All is well.
  1  Something is damaged, or is not there.
  2  The command line or the configuration is wrong, or what was to be written is there already.
  3  Not found out, or not done: the repository is out of reach, a key is missing, a disk is full.
  130, 143  Interrupted; nothing unfinished is left behind.`;

const OVERVIEW = `custodian <command> [options]

Reads a repository of harper-custodian while Harper is stopped or absent. Changes nothing in it.

${indented(
	pairs(Object.entries(SUBCOMMANDS).map(([name, { operands, summary }]) => [`${name} ${operands}`.trim(), summary]))
)}

custodian <command> --help tells the options of one; custodian --version which version this is.

${EXIT_CODES}`;

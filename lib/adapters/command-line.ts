import { parseArgs, type ParseArgsConfig } from 'node:util';
import { messageOf } from '../errors.ts';
import { usage, type Given } from '../command/given.ts';
import type { Option } from '../command/options.ts';

/** Tells options and operands apart as POSIX and GNU do: `--name value`, `--name=value`, `--`, `-h` for help. */
export function readOptions(words: readonly string[], known: readonly Option[]): Given {
	const { values, positionals } = parsed(words, optionsOf(known));
	const all = new Map(Object.entries(values).map(([name, value]) => [name, [value].flat()]));
	const texts = (name: string) => (all.get(name) ?? []).filter((value) => typeof value === 'string');
	const repeated = known.find(({ name, repeatable }) => repeatable !== true && texts(name).length > 1);
	if (repeated) throw usage(`--${repeated.name} was given twice.`);
	const empty = known.find(({ name }) => texts(name).includes(''));
	if (empty) throw usage(`--${empty.name} was given nothing.`);
	return {
		text: (name) => texts(name)[0],
		texts,
		flag: (name) => all.get(name)?.includes(true) === true,
		operands: positionals,
	};
}

function parsed(words: readonly string[], options: ParseArgsConfig['options']) {
	try {
		return parseArgs({ args: [...words], options, allowPositionals: true, strict: true });
	} catch (error) {
		throw usage(messageOf(error));
	}
}

/** All may be given several times, so that one that must not be is noticed. */
function optionsOf(known: readonly Option[]): NonNullable<ParseArgsConfig['options']> {
	return Object.fromEntries(
		known.map(({ name, value }) => [
			name,
			value === undefined
				? { type: 'boolean' as const, ...(name === 'help' ? { short: 'h' } : {}) }
				: { type: 'string' as const, multiple: true },
		])
	);
}

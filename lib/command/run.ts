import type { Place } from '../snapshot/holdings.ts';
import { exitCodeOf, type Answer } from './answer.ts';
import { checkBackup, type CheckBackupPorts } from './check-backup.ts';
import { extract, type ExtractPorts } from './extract.ts';
import type { ReadOptions } from './given.ts';
import { list } from './list.ts';
import { errorReport } from './places.ts';
import { helpText } from './render/help.ts';
import { plain } from './render/table.ts';
import { parseRequest, type RepositoryRequest, type Request } from './request.ts';
import { show } from './show.ts';
import { verify, type VerifyPorts } from './verify.ts';

/** What the command asks of the machine that it runs on. */
export interface CommandPorts {
	readonly readOptions: ReadOptions;
	readonly version: string;
	/** What is asked of a repository, with the places it names, which are opened when they are first needed. */
	connect(request: RepositoryRequest): Promise<Connection>;
	readonly backups: CheckBackupPorts;
	/** For the answer. */
	print(text: string): Promise<void>;
	/** For what went wrong. */
	complain(text: string): Promise<void>;
}

export interface Connection extends VerifyPorts, ExtractPorts {
	readonly places: readonly Place[];
}

/** Does what a command line asks for, and says with which code to exit. Never rejects. */
export async function run(words: readonly string[], ports: CommandPorts, signal: AbortSignal): Promise<number> {
	try {
		const request = parseRequest(words, ports.readOptions);
		const { exitCode, report, text } = await answer(request, ports, signal);
		await ports.print('json' in request && request.json ? JSON.stringify(report, null, '\t') : text);
		return exitCode;
	} catch (error) {
		// What was interrupted may fail in ways that say nothing.
		const report = errorReport(signal.aborted ? signal.reason : error);
		if (words.includes('--json')) await ports.print(JSON.stringify({ error: report }, null, '\t'));
		else await ports.complain([`custodian: ${report.message}`, report.hint ?? ''].map(plain).join('\n').trim());
		return exitCodeOf(report.code);
	}
}

async function answer(request: Request, ports: CommandPorts, signal: AbortSignal): Promise<Answer> {
	switch (request.command) {
		case 'help':
			return { exitCode: 0, report: {}, text: helpText(request.of) };
		case 'version':
			return { exitCode: 0, report: {}, text: ports.version };
		case 'check-backup':
			return checkBackup(request, ports.backups, signal);
		default:
			return answerFrom(request, await ports.connect(request), signal);
	}
}

async function answerFrom(
	request: RepositoryRequest,
	{ places, ...ports }: Connection,
	signal: AbortSignal
): Promise<Answer> {
	if (request.command === 'list') return list(request, places, signal);
	if (request.command === 'show') return show(request.id, places, signal);
	if (request.command === 'verify') return verify(request, places, ports, signal);
	return extract(request, places, ports, signal);
}

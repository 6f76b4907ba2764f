import type { VerifyReport } from '../report.ts';
import { plain, table } from './table.ts';

export function verifyText({ depth, verified, unread }: VerifyReport): string {
	const rows = verified.map(({ id, database = '-', repository = '-', result, error }) => [
		id,
		database,
		repository,
		MEANING[result],
		error ? [error.message, error.hint].filter((part) => part !== undefined).join(' ') : '',
	]);
	const good = verified.filter(({ result }) => result === 'good').length;
	const how = depth === 'deep' ? 'opened, walked and compared' : 'read; their checksums fit';
	return [
		...(rows.length > 0 ? [table(['ID', 'DATABASE', 'REPOSITORY', 'RESULT', ''], rows)] : []),
		...unread.map(({ place, reason }) => plain(`The repository ${place} was not read: ${reason}`)),
		`${good} of ${verified.length} are good: ${how}.`,
	].join('\n');
}

const MEANING: Readonly<Record<VerifyReport['verified'][number]['result'], string>> = {
	good: 'good',
	bad: 'DAMAGED',
	missing: 'NOT FOUND',
	external: 'external',
	unknown: 'NOT READ',
};

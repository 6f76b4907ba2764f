import type { Progress } from '../../jobs/progress.ts';
import { grouped, size } from './amounts.ts';
import { plain } from './table.ts';

/** How far work has come, in one line. */
export function progressLine(subject: string, { step, bytes, totalBytes, rows }: Progress): string {
	const part = bytes !== undefined && totalBytes ? `${Math.min(100, Math.floor((bytes / totalBytes) * 100))} %` : '';
	const amount = bytes === undefined ? '' : totalBytes ? `${size(bytes)} of ${size(totalBytes)}` : size(bytes);
	const counted = rows ? `${grouped(rows)} rows` : '';
	const known = [part, amount, counted].filter((word) => word !== '');
	return plain(`${step} ${subject}: ${known.join(', ')}`);
}

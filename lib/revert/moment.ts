import { parseSpan } from '../span.ts';
import { instantOf } from '../time.ts';

/** Milliseconds of a moment: ISO 8601, milliseconds since the Unix epoch, or `-1h` for an hour ago. */
export function parseMoment(written: string | number, now: number): number | undefined {
	if (typeof written === 'number') return Number.isFinite(written) && written >= 0 ? written : undefined;
	if (/^\d+(?:\.\d+)?$/.test(written)) return Number(written);
	if (!written.startsWith('-')) return instantOf(written);
	const ago = parseSpan(written.slice(1));
	return ago === undefined ? undefined : now - ago;
}

import type { Row } from './entry.ts';
import { RESPONSE, ruleName } from './rule.ts';

const RECORDED_TOGETHER = ['duration', 'success', RESPONSE];

/**
 * What Harper dropped, as far as a row shows it.
 *
 * Harper records duration, success and response code of a request in one go, and loses what arrives while it flushes
 * one metric after another. So where the three counts of a path and method differ, the difference was lost.
 *
 * @returns lost observations by metric; metrics that lost nothing are left out.
 */
export function lostObservations(row: Row): ReadonlyMap<string, number> {
	const counts = new Map<string, number[]>();
	for (const entry of row.entries) {
		const column = RECORDED_TOGETHER.indexOf(ruleName(entry.metric));
		if (column < 0 || entry.kind === 'measures') continue;
		const key = JSON.stringify([entry.path, entry.method, entry.type === 'operation']);
		const line = counts.get(key) ?? RECORDED_TOGETHER.map(() => 0);
		line[column] = (line[column] ?? 0) + entry.count;
		counts.set(key, line);
	}
	const lost = new Map<string, number>();
	for (const line of counts.values()) {
		const most = Math.max(...line);
		for (const [column, count] of line.entries()) {
			const metric = RECORDED_TOGETHER[column] ?? '';
			if (count < most) lost.set(metric, (lost.get(metric) ?? 0) + most - count);
		}
	}
	return lost;
}

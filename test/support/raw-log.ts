// An independent opinion on what the counters must be: sums over Harper's raw analytics log, in naive code that shares
// nothing with the fold.
import type { Line } from './line.ts';

interface RawLine {
	readonly metric: string;
	readonly path?: unknown;
	readonly method?: unknown;
	readonly type?: unknown;
	readonly mean?: number;
	readonly count?: number;
	readonly total?: number;
	readonly distribution?: readonly (number | { readonly value: number; readonly count: number })[];
}

export interface RawRow {
	readonly key: number;
	readonly time: number;
	readonly threadId: number;
	readonly metrics: readonly RawLine[];
}

/** The whole log, in the order of its keys. */
export async function readRawLog(line: Line): Promise<RawRow[]> {
	const { status, body } = await line.ask('/WitnessLog');
	if (status !== 200) throw new Error(`/WitnessLog answered ${status}: ${body.toString()}`);
	const rows: RawRow[] = JSON.parse(body.toString());
	return rows;
}

type Facts = Record<string, number>;

/** Sums by series, spelled `name{label=value,…}` with the labels in the order of the family and empty ones left out. */
export function sumRawLog(rows: readonly RawRow[], knownOperations: ReadonlySet<string>): Facts {
	const facts: Facts = {};
	const add = (name: string, labels: Readonly<Record<string, string>>, amount: number) => {
		const series = seriesName(name, labels);
		facts[series] = (facts[series] ?? 0) + amount;
	};
	for (const row of rows) {
		const together = new Map<string, [number, number, number]>();
		for (const line of row.metrics) {
			const path = text(line.path);
			const method = text(line.method);
			const type = text(line.type);
			const count = line.count ?? 0;
			const sum = line.mean === undefined ? 0 : line.mean * count;
			const operation = knownOperations.has(path) ? path : 'other';
			const isOperation = type === 'operation';
			const code = line.metric.startsWith('response_') ? line.metric.slice('response_'.length) : undefined;

			if (line.metric === 'duration' || line.metric === 'success' || code !== undefined) {
				const key = `${path} ${method} ${isOperation}`;
				const counts = together.get(key) ?? [0, 0, 0];
				counts[line.metric === 'duration' ? 0 : line.metric === 'success' ? 1 : 2] += count;
				together.set(key, counts);
			}
			if (line.metric === 'duration') {
				const histogram = isOperation ? 'harper_operation_duration_seconds' : 'harper_http_request_duration_seconds';
				const cache = type === 'cache-hit' ? 'hit' : type === 'cache-miss' ? 'miss' : '';
				const labels: Record<string, string> = isOperation ? { operation } : { path, method, cache };
				if (isOperation) add('harper_operations_total', { operation }, count);
				else add('harper_http_requests_total', { path, method }, count);
				add(`${histogram}_count`, labels, count);
				add(`${histogram}_sum`, labels, sum / 1000);
				for (const bound of DURATION_BOUNDS) add(`${histogram}_bucket`, { ...labels, le: bound }, upTo(line, bound));
			}
			if (line.metric === 'success') {
				const failed = count - (line.total ?? 0);
				if (isOperation) add('harper_operation_failures_total', { operation }, failed);
				else add('harper_http_failures_total', { path, method }, failed);
			}
			if (code !== undefined) {
				if (isOperation) add('harper_operation_responses_total', { operation, code }, count);
				else add('harper_http_responses_total', { path, method, code }, count);
			}
			if (line.metric === 'bytes-sent' && method !== 'replication' && type !== 'mqtt') {
				const protocol = isOperation ? 'operations' : type === '' || type === 'fastify-route' ? 'http' : type;
				const labels = { protocol, path: isOperation ? operation : path, action: method };
				add('harper_sent_bytes_total', labels, Math.round(sum));
				add('harper_sent_messages_total', labels, count);
			}
			if (/^db-(read|write|message)$/.test(line.metric)) {
				const noun = line.metric.slice('db-'.length);
				add(`harper_db_${noun}s_total`, { table: path }, count);
				add(`harper_db_${noun}_bytes_total`, { table: path }, Math.round(sum));
			}
		}
		for (const counts of together.values()) {
			for (const [index, metric] of ['duration', 'success', 'response_*'].entries()) {
				const missing = Math.max(...counts) - (counts[index] ?? 0);
				if (missing > 0) add('harper_analytics_lost_observations_total', { metric }, missing);
			}
		}
	}
	return facts;
}

/** The families that `sumRawLog` knows, whole. */
export const SUMMED =
	/^harper_(?:http_(?:requests_total|failures_total|responses_total|request_duration_seconds_\w+)|operations_total|operation_(?:failures_total|responses_total|duration_seconds_\w+)|sent_(?:bytes|messages)_total|db_\w+_total|analytics_lost_observations_total)$/;

export function seriesName(name: string, labels: Readonly<Record<string, string>>): string {
	const pairs = Object.entries(labels).filter(([, value]) => value !== '');
	return `${name}{${pairs
		.map(([label, value]) => `${label}=${value}`)
		.sort()
		.join(',')}}`;
}

const DURATION_BOUNDS = '0.0005 0.001 0.0025 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1.0 2.5 5.0 10.0 +Inf'.split(' ');

function upTo({ distribution = [], mean = 0, count = 0 }: RawLine, bound: string): number {
	const most = Number(bound.replace('Inf', 'Infinity'));
	const bins = distribution.length > 0 ? distribution : [{ value: mean, count }];
	return bins
		.map((bin) => (typeof bin === 'number' ? { value: bin, count: 1 } : bin))
		.filter(({ value }) => value / 1000 <= most)
		.reduce((sum, bin) => sum + bin.count, 0);
}

function text(part: unknown): string {
	if (Array.isArray(part)) return part.map(text).join(',');
	return typeof part === 'string' || typeof part === 'number' || typeof part === 'boolean' ? String(part) : '';
}

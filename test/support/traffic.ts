import type { Harper } from './harper.ts';
import { Line, type Question } from './line.ts';

const json = { 'content-type': 'application/json' };

/** Nothing serves this, and Harper does not record what nothing served. */
const NOWHERE = '/nowhere';

/** What clients do, over and over: to the HTTP server, and to the operations API. */
const things: readonly (readonly [path: string, question?: Question])[] = [
	['/Thing/1', { method: 'PUT', headers: json, body: JSON.stringify({ id: '1', name: 'One', size: 1 }) }],
	['/Thing/1'],
	['/Thing/1', { method: 'PATCH', headers: json, body: JSON.stringify({ size: 2 }) }],
	['/Thing/?name=One'],
	['/Thing/missing'],
	['/Thing/1', { user: null }],
	['/Thing/2', { method: 'PUT', headers: json, body: JSON.stringify({ id: '2', size: 'no number' }) }],
	['/Thing/1', { method: 'HEAD' }],
	['/Thing/1', { method: 'DELETE' }],
	['/Echo?size=2000'],
	['/Echo?status=201', { method: 'POST', headers: json, body: '{}' }],
	['/Echo?status=418', { method: 'PUT', headers: json, body: '{}' }],
	['/Echo?status=503', { method: 'PATCH', headers: json, body: '{}' }],
	['/Echo?status=202', { method: 'DELETE' }],
	[NOWHERE],
];
const operations: readonly Question[] = [
	{ operation: 'search_by_id', database: 'witness', table: 'Thing', ids: ['1'], get_attributes: ['*'] },
	{ operation: 'upsert', database: 'witness', table: 'Thing', records: [{ id: '3', name: 'Three' }] },
	{ operation: 'user_info' },
	{ operation: 'no_such_operation' },
	{ operation: 'describe_table', database: 'witness', table: 'Nothing' },
].map((body) => ({ method: 'POST', headers: json, body: JSON.stringify(body) }));

export interface Tally {
	answered: number;
	/** Cut off by a restart or a kill: nobody knows whether they are counted. */
	unanswered: number;
}

/** The answers of HTTP by method and status code, and of operations by status code, as the clients saw them. */
export type Answers = Record<string, number>;

const CLIENTS = 6;

/** Sends up to `count` requests over a few lines. Clients stop at the signal, and when nobody listens any more. */
export async function traffic(
	harper: Harper,
	count: number,
	tally: Tally = { answered: 0, unanswered: 0 },
	until?: AbortSignal
): Promise<Answers> {
	const answers: Answers = {};
	let left = count;
	const enough = () => left <= 0 || until?.aborted === true;
	const client = async (index: number) => {
		using http = new Line(harper.httpUrl);
		using operationsApi = new Line(harper.operationsUrl);
		for (let turn = index * 7; !enough(); turn++) {
			left--;
			const [path, question] = things[turn % things.length]!;
			const isOperation = turn % 4 === 0;
			try {
				const { status } = isOperation
					? await operationsApi.ask('/', operations[(turn / 4) % operations.length])
					: await http.ask(path, question);
				tally.answered++;
				if (path === NOWHERE && !isOperation) continue;
				const name = isOperation ? `operation ${status}` : `${question?.method ?? 'GET'} ${status}`;
				answers[name] = (answers[name] ?? 0) + 1;
			} catch (error) {
				tally.unanswered++;
				if (error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED') return;
			}
		}
	};
	await Promise.all(Array.from({ length: CLIENTS }, (_, index) => client(index)));
	return answers;
}

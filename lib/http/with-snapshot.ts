import type { Holding, Holdings } from '../snapshot/holdings.ts';
import { failure, type HttpResponse, type RoutedRequest } from './endpoint.ts';

/** Answers for the snapshot that the path names, or says that there is none, or that nobody can know. */
export async function withSnapshot(
	ports: { holdings(): Promise<Holdings> },
	{ parts }: RoutedRequest,
	answer: (holding: Holding, holdings: Holdings) => Promise<HttpResponse>
): Promise<HttpResponse> {
	const holdings = await ports.holdings();
	const holding = holdings.snapshots.find(({ id }) => id === parts['id']);
	if (holding) return answer(holding, holdings);
	const [first] = holdings.unread;
	if (first) {
		const message = `It is in no repository that can be read. ${first.place}: ${first.reason}`;
		return failure(503, 'repository_unreachable', message);
	}
	return failure(404, 'snapshot_missing', 'There is no such snapshot.', 'GET /custodian/snapshots lists them.');
}

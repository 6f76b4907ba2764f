import { harperAuditLogs } from '../adapters/harper/audit-log.ts';
import { harperCommits } from '../adapters/harper/commits.ts';
import type { Host } from '../adapters/harper/host.ts';
import { pause, sleep } from '../adapters/timers.ts';
import { LiveLogs } from '../audit/live-logs.ts';
import { auditEndpoints } from '../http/audit.ts';
import { withFeeds } from '../http/audit-feed.ts';
import type { Endpoint } from '../http/endpoint.ts';
import { recordsEndpoint } from '../http/records.ts';
import { systemClock } from '../time.ts';

/** What shows the audit log. It needs nothing of the configuration, and none of the repositories. */
export function auditingEndpoints(host: Host, warn: (message: string) => void): readonly Endpoint[] {
	const ports = { logs: harperAuditLogs(), pause, sleep, clock: systemClock };
	const live = new LiveLogs({ ...ports, commits: harperCommits(), warn });
	// A connection that stays open keeps a worker from ending.
	host.threads.onMessageByType('shutdown', () => live.stop());
	return [...withFeeds(auditEndpoints(ports), { ...ports, live }), recordsEndpoint(ports)];
}

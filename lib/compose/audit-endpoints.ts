import { harperAuditLogs } from '../adapters/harper/audit-log.ts';
import { pause } from '../adapters/timers.ts';
import { auditEndpoints } from '../http/audit.ts';
import type { Endpoint } from '../http/endpoint.ts';
import { systemClock } from '../time.ts';

/** What shows the audit log. It needs nothing of the configuration, and none of the repositories. */
export function auditingEndpoints(): readonly Endpoint[] {
	return auditEndpoints({ logs: harperAuditLogs(), pause, clock: systemClock });
}

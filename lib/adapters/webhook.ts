import type { TellerPorts, Sign } from '../notify/teller.ts';
import type { Clock } from '../time.ts';
import { sendOut, type OutgoingPorts } from './outgoing.ts';

export interface WebhookPorts extends OutgoingPorts {
	readonly clock: Pick<Clock, 'now'>;
	readonly sign: Sign;
	/** Read at each delivery, so that it can be changed without a restart; undefined where nothing is signed. */
	readonly secret: (() => Promise<Uint8Array>) | undefined;
	/** Says who calls. */
	readonly userAgent: string;
}

/** Posts notifications to one address. Where a secret is wanted and cannot be read, nothing is posted. */
export function webhook(url: string, ports: WebhookPorts): NonNullable<TellerPorts['post']> {
	const { clock, sign, secret, userAgent } = ports;
	return async (event, body, signal) => {
		const key = await secret?.();
		const requestAt = () => {
			// Each attempt is signed anew: a receiver refuses what was signed too long ago.
			const timestamp = String(Math.floor(clock.now() / 1000));
			const headers = {
				'content-type': 'application/json',
				'user-agent': userAgent,
				'x-custodian-event': event,
				'x-custodian-timestamp': timestamp,
				...(key === undefined ? {} : { 'x-custodian-signature': `sha256=${sign(body, key, timestamp)}` }),
			};
			return { method: 'POST', headers, body } as const;
		};
		await sendOut(url, requestAt, ports, signal);
	};
}

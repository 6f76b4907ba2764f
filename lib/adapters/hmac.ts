import { createHmac } from 'node:crypto';
import type { Sign } from '../notify/teller.ts';

/** HMAC-SHA256 over the moment, a full stop and the body: a body cannot be sent again as of another moment. */
export const hmacSha256: Sign = (body, secret, timestamp) =>
	createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex');

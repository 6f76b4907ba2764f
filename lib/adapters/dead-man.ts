import type { TellerPorts } from '../notify/teller.ts';
import { sendOut, type OutgoingPorts } from './outgoing.ts';

/** Gives the sign of life that somebody elsewhere waits for. */
export function deadMan(
	url: string,
	{ userAgent, ...ports }: OutgoingPorts & { readonly userAgent: string }
): NonNullable<TellerPorts['ping']> {
	return (signal) => sendOut(url, () => ({ method: 'GET', headers: { 'user-agent': userAgent } }), ports, signal);
}

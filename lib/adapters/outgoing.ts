import { CustodianError } from '../errors.ts';
import type { Sleep } from '../pause.ts';

const ATTEMPTS = 3;
const FIRST_DELAY_MS = 1000;
const DELAY_GROWTH = 5;

export interface OutgoingPorts {
	readonly sleep: Sleep;
	/** For one attempt, from the first byte to the last. */
	readonly timeoutMs?: number;
}

interface Outgoing {
	readonly method: 'GET' | 'POST';
	readonly headers: Readonly<Record<string, string>>;
	readonly body?: string;
}

/**
 * Sends a request, three times if need be, and follows no redirect: what was signed for one address is for that one
 * alone. Rejects with `notify_unreachable` where trying again may help, and else with `notify_refused`. Of the address
 * an error says only the host: user, path and query may be secrets.
 */
export async function sendOut(
	url: string,
	requestAt: () => Outgoing,
	{ sleep, timeoutMs = 10_000 }: OutgoingPorts,
	signal: AbortSignal
): Promise<void> {
	const { target, authorization, host } = addressOf(url);
	for (let attempt = 1; ; attempt++) {
		const { headers, ...request } = requestAt();
		const result = await resultOf(target, { ...request, headers: { ...headers, ...authorization } }, timeoutMs, signal);
		signal.throwIfAborted();
		if (result.kind === 'arrived') return;
		if (result.kind === 'refused') throw new CustodianError('notify_refused', host, `${host} ${result.what}.`);
		if (attempt === ATTEMPTS) {
			throw new CustodianError('notify_unreachable', host, `${host} ${result.what}, ${ATTEMPTS} times.`);
		}
		await sleep(FIRST_DELAY_MS * DELAY_GROWTH ** (attempt - 1), signal);
		signal.throwIfAborted();
	}
}

type Result = { readonly kind: 'arrived' } | { readonly kind: 'refused' | 'may_pass'; readonly what: string };

async function resultOf(target: URL, request: Outgoing, timeoutMs: number, signal: AbortSignal): Promise<Result> {
	const limit = AbortSignal.timeout(timeoutMs);
	try {
		const response = await fetch(target, {
			...request,
			redirect: 'manual',
			signal: AbortSignal.any([signal, limit]),
		});
		// Nobody reads what it says, which may be without end.
		await response.body?.cancel();
		if (response.ok) return { kind: 'arrived' };
		const mayPass = response.status >= 500 || response.status === 429;
		return { kind: mayPass ? 'may_pass' : 'refused', what: `answered ${response.status}` };
	} catch (error) {
		if (limit.aborted) return { kind: 'may_pass', what: `did not answer within ${timeoutMs / 1000} s` };
		return { kind: 'may_pass', what: `cannot be reached (${reasonOf(error)})` };
	}
}

/** Of an error of fetch only the code is told: its message may quote the address. */
function reasonOf(error: unknown): string {
	const cause: unknown = error instanceof Error ? error.cause : undefined;
	const code: unknown = typeof cause === 'object' && cause !== null ? Reflect.get(cause, 'code') : undefined;
	return typeof code === 'string' ? code : 'no reason is known';
}

/** fetch refuses an address with a user in it, and says the password while it does. */
function addressOf(url: string): {
	readonly target: URL;
	readonly host: string;
	readonly authorization: Readonly<Record<string, string>>;
} {
	const target = URL.canParse(url) ? new URL(url) : undefined;
	if (target === undefined || !/^https?:$/.test(target.protocol)) {
		throw new CustodianError('notify_refused', 'notify', 'The address to notify is no http or https URL.');
	}
	const { username, password, host } = target;
	target.username = '';
	target.password = '';
	if (username === '' && password === '') return { target, host, authorization: {} };
	const credentials = Buffer.from(`${decoded(username)}:${decoded(password)}`).toString('base64');
	return { target, host, authorization: { authorization: `Basic ${credentials}` } };
}

function decoded(text: string): string {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
}

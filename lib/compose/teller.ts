import { deadMan } from '../adapters/dead-man.ts';
import { harperText } from '../adapters/harper/checkpoints.ts';
import { hmacSha256 } from '../adapters/hmac.ts';
import { readSecretFile } from '../adapters/secret-file.ts';
import { sleep } from '../adapters/timers.ts';
import { webhook } from '../adapters/webhook.ts';
import { tellerOf, type Teller } from '../notify/teller.ts';
import { systemClock } from '../time.ts';
import type { Protection } from './protection.ts';

/** Who tells the operator, of this node's jobs and schedules. */
export function tellerFor({ configuration, state, take, node, versions, warn }: Protection): Teller {
	const { url, secretFile, deadMan: pingUrl } = configuration.notify;
	const lateness = harperText(state, 'lateness');
	const userAgent = `harper-custodian/${versions.custodian}`;
	const outgoing = { sleep, userAgent };
	const secret = secretFile === undefined ? undefined : () => readSecretFile(secretFile);
	return tellerOf({
		post: url === undefined ? undefined : webhook(url, { ...outgoing, clock: systemClock, sign: hmacSha256, secret }),
		ping: pingUrl === undefined ? undefined : deadMan(pingUrl, outgoing),
		clock: systemClock,
		newId: take.newId,
		node,
		custodian: versions.custodian,
		loadLateness: async () => lateness.load(),
		saveLateness: (text) => lateness.save(text),
		warn,
	});
}

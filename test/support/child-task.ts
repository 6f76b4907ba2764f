import { serveParent } from '../../lib/adapters/child/inside.ts';
import { CustodianError } from '../../lib/errors.ts';

/** What a test wants of the process. */
export type ChildWish = 'result' | 'error' | 'bug' | 'progress' | 'wait' | 'deaf' | 'die' | 'exit' | 'pid';

/** A process that does what a test wants, as the real one does what the component wants. */
serveParent(async (task, onProgress, signal) => {
	const wish = task as ChildWish;
	onProgress({ step: wish, rows: process.pid });
	if (wish === 'error') throw new CustodianError('wrong_key', 'the subject', 'No key.', { hint: 'Name it.' });
	if (wish === 'bug') throw new TypeError('x is undefined');
	if (wish === 'progress') for (let bytes = 1; bytes <= 1000; bytes++) onProgress({ step: 'store', bytes });
	if (wish === 'die') process.kill(process.pid, 'SIGKILL');
	if (wish === 'exit') {
		process.stderr.write('out of memory\n');
		process.exit(9);
	}
	if (wish === 'wait') await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
	if (wish === 'deaf') await new Promise(() => setInterval(() => {}, 1000));
	return { wish, deep: [1, null, 'ä'] };
});

import { packComponent } from './component.ts';
import { installTemplate } from './harper.ts';
import { openRun } from './run.ts';

/** Opens the run, prepares what every test file copies, and afterwards leaves nothing behind. */
export default async function setup(): Promise<() => Promise<void>> {
	const run = await openRun();
	try {
		await Promise.all([packComponent(), installTemplate()]);
	} catch (error) {
		await run.close();
		throw error;
	}
	return () => run.close();
}

import { cp, mkdtemp, writeFile } from 'node:fs/promises';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { builtComponent } from '../../test/support/component.ts';
import { startHarper, type Credentials, type Harper } from '../../test/support/harper.ts';
import { checkout, runDirectory } from '../../test/support/run.ts';

export const scraper: Credentials = { username: 'scraper', password: 'scraper' };

/** A Harper with two workers, the component as published, so many tables `T0`, `T1`, … and a look inside. */
export async function startMeasured(tables: number, metrics: Readonly<Record<string, unknown>> = {}): Promise<Harper> {
	const harper = await startHarper({
		workers: 2,
		// No schedule and no rotation: what is measured is started by whoever measures.
		config: { custodian: { metrics, snapshots: [], verifyWithin: false } },
		components: [
			{ name: 'harper-custodian', source: builtComponent() },
			{ name: 'bench', source: await fixtureWith(tables) },
		],
	});
	await harper.operation({
		operation: 'add_role',
		role: 'scraper',
		permission: { super_user: false },
		access: { custodian: 'scraper' },
	});
	await harper.operation({ operation: 'add_user', role: 'scraper', active: true, ...scraper });
	return harper;
}

async function fixtureWith(tables: number): Promise<string> {
	const copy = join(await mkdtemp(join(runDirectory(), 'bench-')), 'bench');
	await cp(join(checkout, 'bench/support/fixture'), copy, { recursive: true });
	const schema = Array.from(
		{ length: tables },
		(_, i) => `type T${i} @table(database: "bench") @export {\n\tid: ID @primaryKey\n\tname: String @indexed\n}\n`
	);
	await writeFile(join(copy, 'schema.graphql'), schema.join('\n'));
	return copy;
}

/** CPU time that all threads of a process have used, to the nanosecond: its `stat` counts in hundredths of a second. */
export function cpuMs(pid: number): number {
	let nanoseconds = 0;
	for (const text of readThreads(pid, 'schedstat')) nanoseconds += Number(text.split(' ')[0]);
	return nanoseconds / 1e6;
}

export function childrenOf(pid: number): string[] {
	return readThreads(pid, 'children').flatMap((text) => text.split(' ').filter((child) => child !== ''));
}

function readThreads(pid: number, file: string): string[] {
	return readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
		try {
			return [readFileSync(`/proc/${pid}/task/${thread}/${file}`, 'utf8')];
		} catch {
			// The thread has ended since.
			return [];
		}
	});
}

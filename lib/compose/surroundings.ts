import { randomUUID } from 'node:crypto';
import { mkdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { directoryRepository } from '../adapters/directory/repository.ts';
import { createDirectory } from '../adapters/directory/root.ts';
import { sleep } from '../adapters/timers.ts';
import type { ProtectionConfiguration, RepositoryConfiguration } from '../config/protection.ts';
import { openRepository } from '../repository/open.ts';
import type { Repository } from '../repository/repository.ts';
import { retrying } from '../repository/retrying.ts';
import { throttled } from '../repository/throttled.ts';
import type { Place } from '../snapshot/holdings.ts';
import { systemClock } from '../time.ts';

/** Where things lie and how they are stored, as plain data: a child process is told the same. Names of files, no secrets. */
export interface Surroundings extends Pick<
	ProtectionConfiguration,
	'repository' | 'copies' | 'encryption' | 'compression'
> {
	/** Our own folder below Harper's root directory. */
	readonly directory: string;
}

/** Which repository stood in a place before: behind a mount that went away stands another one, or none. */
export interface KnownRepositories {
	/** `location` tells places apart; another one may hold another repository. */
	idAt(location: string): string | undefined;
	remember(location: string, id: string): Promise<void>;
}

export function surroundingsOf(
	{ repository, copies, encryption, compression }: ProtectionConfiguration,
	directory: string
): Surroundings {
	return { repository, copies, encryption, compression, directory };
}

export function placesOf(surroundings: Surroundings, known: KnownRepositories): readonly [Place, ...Place[]] {
	const { repository, copies, directory } = surroundings;
	const main = mainOf(surroundings);
	// Below Harper's own root directory nothing needs to be mounted, so it is made where it is missing.
	const prepare = repository ? undefined : () => makeOurs(join(directory, 'repository'));
	return [placeOf('main', main, known, prepare), ...copies.map(({ name, ...place }) => placeOf(name, place, known))];
}

/** What is known of all places, to be handed to a child process. */
export function knownIds(surroundings: Surroundings, known: KnownRepositories): Readonly<Record<string, string>> {
	const locations = [mainOf(surroundings), ...surroundings.copies].map(locationOf);
	const ids = locations.map((location) => [location, known.idAt(location)] as const);
	return Object.fromEntries(ids.flatMap(([location, id]) => (id === undefined ? [] : [[location, id]])));
}

function mainOf({ repository, directory }: Surroundings): RepositoryConfiguration {
	return repository ?? { directory: join(directory, 'repository') };
}

/** Where copies stand until they are stored, and snapshots that are being looked at. */
export function stagingOf({ directory }: Surroundings): string {
	return join(directory, 'staging');
}

/** Where a snapshot is unpacked to be opened; one at a time is. */
export function scratchOf(surroundings: Surroundings): string {
	return join(stagingOf(surroundings), 'verifying');
}

/** Whether copies are staged on the disk that they are then stored on. */
export async function liesOnOneDisk(surroundings: Surroundings): Promise<boolean> {
	const { directory } = mainOf(surroundings);
	if (directory === undefined) return false;
	const places = [surroundings.directory, directory];
	const [own, repository] = await Promise.all(places.map((place) => stat(place).catch(() => undefined)));
	// Ours is made below our own folder when it is first needed.
	return repository === undefined ? surroundings.repository === undefined : own?.dev === repository.dev;
}

/** Opened when it is first needed, so that a worker that is never asked loads nothing. */
function placeOf(
	name: string,
	configuration: RepositoryConfiguration,
	known: KnownRepositories,
	prepare?: () => Promise<void>
): Place {
	let connecting: Promise<Repository> | undefined;
	const location = locationOf(configuration);
	return {
		name,
		cache: new Map(),
		async open() {
			const expectedId = known.idAt(location);
			if (expectedId === undefined) await prepare?.();
			connecting ??= connect(configuration);
			const repository = await connecting;
			// Each time: another disk may be mounted there by now, and things are deleted by who opens it.
			const { id } = await openRepository(repository, { newId: randomUUID, expectedId });
			if (id !== expectedId) await known.remember(location, id);
			return repository;
		},
	};
}

/** The SDK of S3 is loaded only where there is a bucket. */
async function connect({ directory, s3, bandwidth }: RepositoryConfiguration): Promise<Repository> {
	const repository = s3
		? (await import('../adapters/s3/repository.ts')).s3Repository(s3)
		: directoryRepository(directory ?? '');
	const paced = bandwidth === undefined ? repository : throttled(repository, bandwidth, { clock: systemClock, sleep });
	return retrying(paced, { attempts: ATTEMPTS, sleep, random: Math.random });
}

/** Together a few seconds: what lasts longer is for the retries of the schedule, and nobody waits that long for a page. */
const ATTEMPTS = 4;

function locationOf({ directory, s3 }: RepositoryConfiguration): string {
	return s3 ? `s3 ${s3.endpoint ?? ''} ${s3.bucket} ${s3.prefix ?? ''}` : `directory ${directory}`;
}

async function makeOurs(directory: string): Promise<void> {
	await mkdir(dirname(directory), { recursive: true, mode: 0o700 });
	await createDirectory(directory);
}

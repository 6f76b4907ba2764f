import { zlibCodec } from '../adapters/codec.ts';
import { harperAuditLogs } from '../adapters/harper/audit-log.ts';
import { sha256 } from '../adapters/sha256.ts';
import { positionsAt } from '../bookmark/positions.ts';
import { bookmarksEndpoints } from '../http/bookmarks.ts';
import { downloadEndpoint } from '../http/download.ts';
import type { Endpoint } from '../http/endpoint.ts';
import { jobsEndpoints } from '../http/jobs.ts';
import { scheduleEndpoint } from '../http/schedule.ts';
import { snapshotsEndpoints } from '../http/snapshots.ts';
import { upkeepEndpoints } from '../http/upkeep.ts';
import { nodePrefix } from '../repository/keys.ts';
import { readManifest } from '../snapshot/catalogue.ts';
import { planCleaning } from '../snapshot/clean.ts';
import { bestCopy, readHoldings, type Holding, type Holdings } from '../snapshot/holdings.ts';
import { readPlain, readStored } from '../snapshot/object.ts';
import { protections } from '../snapshot/protection.ts';
import { PIN, writePin } from '../snapshot/store.ts';
import { removeSnapshot, subjectOf } from '../snapshot/upkeep.ts';
import type { UpkeepRequest } from '../snapshot/request.ts';
import { plansOf } from '../snapshot/upkeep-job.ts';
import { systemClock } from '../time.ts';
import { keysOf, sealerOf } from './keys.ts';
import type { Protection } from './protection.ts';
import { loadState } from './schedules.ts';

export function protectionEndpoints(protection: Protection): readonly Endpoint[] {
	const { surroundings, node, places, jobs, bookmarks, schedules, scheduleStates, policies, take, submit } = protection;
	const now = () => systemClock.now();
	const holdings = () => readHoldings(places);
	const manifest = async (holding: Holding) => {
		const { place, entry } = bestCopy(holding);
		return readManifest(await place.open(), entry.prefix);
	};
	return [
		...snapshotsEndpoints({
			holdings,
			manifest,
			databases: () => take.copier.databases().map(({ name }) => name),
			keys: () => keysOf(surroundings.encryption),
			submit,
			async pin({ copies }, pinned) {
				for (const { place, entry } of copies) {
					const repository = await place.open();
					if (!pinned) await repository.remove(`${entry.prefix}${PIN}`);
					else if (!entry.pinned) await writePin(repository, entry.prefix);
				}
			},
			protectionsOf: (holding, all) => reasonsToKeep(holding, all, now()),
			async remove({ copies }) {
				for (const { place, entry } of copies) await removeSnapshot(await place.open(), entry);
			},
			now,
		}),
		downloadEndpoint({
			holdings,
			manifest,
			async readStored(holding, object, start, end) {
				const { place, entry } = bestCopy(holding);
				const repository = await place.open();
				const { prefix } = entry;
				// All of it can be held to its hash, a part of it cannot.
				return start === 0 && end === object.stored.sizeBytes
					? readStored({ repository, startHash: sha256 }, { prefix, object })
					: repository.read(`${prefix}${object.name}`, { start, end });
			},
			async readPlain(holding, written, object) {
				const { place, entry } = bestCopy(holding);
				const sealer = await sealerOf(surroundings.encryption, written);
				const ports = { repository: await place.open(), codec: zlibCodec, startHash: sha256, sealer };
				return readPlain(ports, { prefix: entry.prefix, object, compression: written.compression });
			},
		}),
		...upkeepEndpoints({
			prunePlans: () => plansOf({ places, policies, clock: systemClock }, nodePrefix(node)),
			cleaningPlans: () =>
				Promise.all(
					places.map(async (place) => ({
						repository: place.name,
						plan: await planCleaning(await place.open(), nodePrefix(node), now()),
					}))
				),
			submit: (kind, _, by) => submit(kind, { node } satisfies UpkeepRequest, by),
		}),
		scheduleEndpoint({ schedules, load: (schedule) => loadState(scheduleStates, schedule), now }),
		...jobsEndpoints(jobs),
		...bookmarksEndpoints({ store: bookmarks, positionsAt: (at) => positionsAt(harperAuditLogs(), at), now }),
		...protection.reverts.endpoints,
	];
}

/** Why a snapshot must not be deleted, looking at all there are of its database. */
function reasonsToKeep(holding: Holding, { snapshots }: Holdings, now: number): readonly string[] {
	const { entry } = bestCopy(holding);
	const subjects = snapshots
		.map((other) => bestCopy(other).entry)
		.filter(({ node, database }) => node === entry.node && database === entry.database)
		.map(subjectOf);
	return protections(subjects, now)
		.filter(({ id }) => id === holding.id)
		.map(({ sentence }) => sentence);
}

import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { zlibCodec } from '../adapters/codec.ts';
import { readOptions } from '../adapters/command-line.ts';
import { readConfigurationFile } from '../adapters/configuration-file.ts';
import { directoryRepository } from '../adapters/directory/repository.ts';
import { extractionTarget } from '../adapters/extraction.ts';
import { checkBackupFile, mendBackupFile } from '../adapters/lmdb/mend.ts';
import { packageVersion } from '../adapters/package.ts';
import { sha256 } from '../adapters/sha256.ts';
import { complain, interruption, print, statusLine } from '../adapters/terminal.ts';
import { sleep } from '../adapters/timers.ts';
import { progressLine } from '../command/render/progress.ts';
import type { RepositoryRequest } from '../command/request.ts';
import { run, type Connection } from '../command/run.ts';
import { settingsOf } from '../command/source.ts';
import { parseConfiguration } from '../config.ts';
import type { ProtectionConfiguration, RepositoryConfiguration } from '../config/protection.ts';
import { CustodianError } from '../errors.ts';
import { readOnly, requireRepository } from '../repository/read-only.ts';
import type { Repository } from '../repository/repository.ts';
import { retrying } from '../repository/retrying.ts';
import { extractSnapshot } from '../snapshot/extract.ts';
import type { Place } from '../snapshot/holdings.ts';
import { sealerOf } from './keys.ts';
import { verifyAt } from './verification.ts';

/** The command for the day the server is down: nothing here needs Harper, or changes a repository. Ends the process. */
export async function runCommand(): Promise<never> {
	const interrupted = interruption();
	// A pause between two attempts keeps no process alive, as Harper's must not be. This one has to see its end.
	setInterval(() => undefined, 2 ** 30);
	const exitCode = await run(
		process.argv.slice(2),
		{
			readOptions,
			version: packageVersion(),
			connect,
			backups: { check: checkBackupFile, mend: mendBackupFile },
			print: cleared(print),
			complain: cleared(complain),
		},
		interrupted.signal
	);
	// Connections that are kept alive would hold it for a while.
	process.exit(interrupted.exitCode() ?? exitCode);
}

const status = statusLine();

function cleared(write: (text: string) => Promise<void>) {
	return (text: string) => {
		status.clear();
		return write(text);
	};
}

async function connect(request: RepositoryRequest): Promise<Connection> {
	const { repository: main, copies, encryption } = await configurationOf(request);
	if (main === undefined) throw withoutRepository();
	const scratch = 'scratch' in request ? request.scratch : undefined;
	return {
		places: [placeOf('main', main), ...copies.map(({ name, ...place }) => placeOf(name, place))],
		async verify({ place, entry: { prefix } }, manifest, depth, onProgress, signal) {
			const from = {
				repository: await place.open(signal),
				sealer: depth === 'deep' ? await sealerOf(encryption, manifest) : undefined,
			};
			const folder = await mkdtemp(join(scratch === undefined ? tmpdir() : resolve(scratch), 'custodian-'));
			await verifyAt(folder, { manifest, prefix, depth }, from, onProgress, signal);
		},
		async extract({ copy: { place, entry }, manifest, to, databaseFile, withBlobs }, onProgress, signal) {
			const repository = await place.open(signal);
			const sealer = await sealerOf(encryption, manifest);
			const target = await extractionTarget(resolve(to), databaseFile);
			const ports = { repository, sealer, codec: zlibCodec, startHash: sha256, target };
			return extractSnapshot({ manifest, prefix: entry.prefix, withBlobs }, ports, onProgress, signal);
		},
		onProgress: (subject) => (progress) => status.show(() => progressLine(subject, progress)),
		warn: (message) => void cleared(complain)(`custodian: ${message}`),
	};
}

async function configurationOf({ source, keyFiles }: RepositoryRequest): Promise<ProtectionConfiguration> {
	const configuration = source.kind === 'config' ? await readConfigurationFile(source.file) : undefined;
	const parsed = parseConfiguration(settingsOf(source, keyFiles, { absolute: (path) => resolve(path), configuration }));
	const { protection } = parsed.configuration;
	if (protection) return protection;
	const problems = parsed.valid
		? []
		: parsed.problems.map(({ key, expected, got }) => `${key}: ${expected}, not ${got}`);
	const message = `It is not clear where to look. Expected ${problems.join('; ')}.`;
	throw new CustodianError('configuration_invalid', 'custodian', message);
}

function withoutRepository(): CustodianError {
	const message = 'The configuration file names neither custodian.repository nor rootPath.';
	return new CustodianError('configuration_invalid', 'custodian', message, {
		hint: 'Name the place with --repository.',
	});
}

/** Opened when it is first needed, and never made. */
function placeOf(name: string, configuration: RepositoryConfiguration): Place {
	let opened: Promise<Repository> | undefined;
	const open = async (signal: AbortSignal | undefined) => {
		const { s3, directory } = configuration;
		const plain = s3
			? (await import('../adapters/s3/repository.ts')).s3Repository(s3)
			: directoryRepository(directory ?? '');
		const repository = readOnly(retrying(plain, { attempts: ATTEMPTS, sleep, random: Math.random }));
		await requireRepository(repository, s3 ? `s3://${s3.bucket}/${s3.prefix ?? ''}` : (directory ?? ''), signal);
		return repository;
	};
	return { name, cache: new Map(), open: (signal) => (opened ??= open(signal)) };
}

/** Together a few seconds. */
const ATTEMPTS = 4;

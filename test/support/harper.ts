import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { cp, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { copyRoot, settleRoot } from './root.ts';
import { markedEnvironment, processesOf, runDirectory, type Process } from './run.ts';
import { eventually } from './wait.ts';

export interface Credentials {
	readonly username: string;
	readonly password: string;
}

export const admin: Credentials = { username: 'admin', password: 'pw' };

type Configuration = { readonly [key: string]: unknown };

interface LaunchOptions {
	/** Number of http workers; 1 by default. */
	readonly workers?: number;
	/** Merged into `harperdb-config.yaml`, as an operator does with HARPER_SET_CONFIG. */
	readonly config?: Configuration;
	/** Added to the environment. */
	readonly env?: Readonly<Record<string, string>>;
	/** An application directory to start with `harperdb run` or `harperdb dev`. */
	readonly application?: { readonly command: 'run' | 'dev'; readonly directory: string };
	/** Another Node to run Harper on. */
	readonly execPath?: string;
	/** The clock as libfaketime writes it: `+0` is the truth. See `setClock`. */
	readonly faketime?: string;
}

export interface HarperOptions extends LaunchOptions {
	/** A loopback address of its own; a free one by default. Ports are Harper's usual ones. */
	readonly address?: string;
	/** Placed into `components/` before the start. */
	readonly components?: readonly ComponentPlacement[];
	/** A root to start on: an earlier one, a copy of one (see `copyRoot`), or a new place, where Harper installs. */
	readonly root?: string;
}

interface ComponentPlacement {
	readonly name: string;
	readonly source: string;
	/** Default `copy`. */
	readonly as?: 'copy' | 'symlink';
}

export type HarperRequest = Omit<RequestInit, 'headers'> & {
	readonly headers?: Readonly<Record<string, string>>;
	/** The administrator by default; `null` for nobody. */
	readonly user?: Credentials | null;
};

const execute = promisify(execFile);

/** Starts a throwaway Harper. It ends with its `await using` scope, and at the latest with the run. */
export async function startHarper(options: HarperOptions = {}): Promise<Harper> {
	const { address = await freeAddress(), components = [] } = options;
	// No dots: Harper tests its paths against /([…]+)+$/, which takes exponential time on them.
	const root = options.root ?? join(runDirectory(), address.replaceAll('.', '-'));
	if (options.root === undefined) await copyRoot(templateRoot(), root);
	else if (existsSync(root)) await settleRoot(root);
	for (const component of components) await placeComponent(root, component);
	const harper = new Harper(address, root, options);
	await harper.start();
	return harper;
}

/** Installs the root that every other one is copied from. */
export async function installTemplate(): Promise<void> {
	const harper = await startHarper({ root: templateRoot() });
	await harper.stop();
}

export class Harper implements AsyncDisposable {
	readonly address: string;
	readonly root: string;
	readonly httpUrl: string;
	readonly operationsUrl: string;
	#options: LaunchOptions;

	constructor(address: string, root: string, options: LaunchOptions) {
		this.address = address;
		this.root = root;
		this.httpUrl = `http://${address}:9926`;
		this.operationsUrl = `http://${address}:9925`;
		this.#options = options;
	}

	/** The running Harper. The operation `restart` replaces it by another process. */
	get pid(): number | undefined {
		return this.processes().find(({ commandLine }) =>
			commandLine.some((argument) => argument.endsWith('bin/harperdb.js'))
		)?.pid;
	}

	/** Every living process of this Harper: itself, its children, and what they left behind. */
	processes(): Process[] {
		return processesOf(this.root);
	}

	/** What Harper printed and logged, since the root was made. */
	log(): string {
		return [this.#outputFile, join(this.root, 'log/hdb.log')]
			.filter((file) => existsSync(file))
			.map((file) => readFileSync(file, 'utf8'))
			.join('\n');
	}

	/** Requests a URL of the HTTP server, each time over a new connection, so that every worker gets its share. */
	fetch(path: string, { user = admin, headers, ...init }: HarperRequest = {}): Promise<Response> {
		return fetch(new URL(path, this.httpUrl), {
			redirect: 'manual',
			signal: AbortSignal.timeout(30_000),
			...init,
			headers: { connection: 'close', ...authorization(user), ...headers },
		});
	}

	/** Posts to the operations API and resolves with the answer, of which the caller knows the type; a refusal rejects. */
	async operation<T = unknown>(body: Configuration, user: Credentials | null = admin): Promise<T> {
		const response = await fetch(this.operationsUrl, {
			method: 'POST',
			signal: AbortSignal.timeout(60_000),
			headers: { 'connection': 'close', 'content-type': 'application/json', ...authorization(user) },
			body: JSON.stringify(body),
		});
		const text = await response.text();
		if (!response.ok) throw new Error(`Operation ${String(body['operation'])} answered ${response.status}: ${text}`);
		const answer: T = JSON.parse(text);
		return answer;
	}

	/** Starts the process on the same root, and resolves when it serves. */
	async start(): Promise<void> {
		// Every thread rewrites the configuration file with what HARPER_SET_CONFIG says, and now and then another one
		// reads it half written. Its worker then ends, and Harper waits for it for ever.
		for (let attempt = 1; !(await this.#launch()); attempt++) {
			await this.kill();
			if (attempt === 5) throw new Error(`Harper read half a configuration ${attempt} times on ${this.address}`);
		}
	}

	/** False where a thread could not read the configuration. */
	async #launch(): Promise<boolean> {
		const output = openSync(this.#outputFile, 'w');
		const child = spawn(this.#options.execPath ?? process.execPath, this.#commandLine(), {
			env: await this.#environment(),
			stdio: ['ignore', output, output],
			detached: true,
		});
		closeSync(output);
		const torn = () => this.#printed('at checkForUpdatedConfig');
		try {
			await eventually(() => ended(child) || torn() || this.#printed('successfully started'), {
				describe: 'it says that it started',
				timeoutMs: 60_000,
			});
			if (ended(child)) throw new Error('it ended');
			return !torn();
		} catch (error) {
			await this.kill();
			throw new Error(`Harper did not start on ${this.address}. It said:\n${this.log()}`, { cause: error });
		}
	}

	/** SIGTERM, as a container runtime sends it. Resolves when Harper has ended. */
	stop(): Promise<void> {
		return this.#end('SIGTERM');
	}

	/** SIGKILL: nothing is flushed, nothing is said. Resolves when Harper has ended. */
	kill(): Promise<void> {
		return this.#end('SIGKILL');
	}

	/** Stops it if it runs, and starts it on the same root, differently where told so. */
	async restart(changes: LaunchOptions = {}): Promise<void> {
		await this.stop();
		this.#options = { ...this.#options, ...changes };
		await this.start();
	}

	/** Replaces the http workers, as an operator does to load a component. Resolves when the new ones serve. */
	restartWorkers(): Promise<void> {
		return this.whileWorkersRestart(async () => {
			const { job_id: id } = await this.operation<{ job_id: string }>({
				operation: 'restart_service',
				service: 'http_workers',
			});
			await eventually(
				async () => {
					const [job] = await this.operation<{ status: string }[]>({ operation: 'get_job', id });
					return job?.status === 'COMPLETE';
				},
				{ describe: 'the restart of the http workers completes' }
			);
		});
	}

	/** Does what makes Harper replace its http workers, and resolves when only new ones are left. */
	async whileWorkersRestart(action: () => Promise<unknown>): Promise<void> {
		const former = new Set(await this.#workerThreads());
		await action();
		await eventually(
			async () => {
				const threads = await this.#workerThreads();
				return threads.length === (this.#options.workers ?? 1) && !threads.some((thread) => former.has(thread));
			},
			{ describe: `the http workers of ${this.address} are replaced` }
		);
	}

	/** Steps the clock of a Harper that was started with `faketime`. */
	async setClock(faketime: string): Promise<void> {
		await writeFile(this.#clockFile, faketime);
	}

	/** Ends it and all its processes without ceremony, and removes its root. */
	async [Symbol.asyncDispose](): Promise<void> {
		await this.kill();
		for (const { pid } of this.processes()) signalIfAlive(pid, 'SIGKILL');
		await rm(this.root, { recursive: true, force: true, maxRetries: 3 });
	}

	get #outputFile(): string {
		return `${this.root}.out`;
	}

	get #clockFile(): string {
		return `${this.root}.clock`;
	}

	#printed(text: string): boolean {
		return readFileSync(this.#outputFile, 'utf8').includes(text);
	}

	async #end(signal: NodeJS.Signals): Promise<void> {
		for (let pid = this.pid; pid !== undefined; pid = this.pid) {
			const former = pid;
			signalIfAlive(former, signal);
			await eventually(() => this.pid !== former, { describe: `Harper ends after ${signal}`, intervalMs: 20 });
		}
	}

	async #workerThreads(): Promise<number[]> {
		const { threads } = await this.operation<{ threads: { threadId: number; name: string }[] }>({
			operation: 'system_information',
			attributes: ['threads'],
		});
		return threads.filter(({ name }) => name === 'http').map(({ threadId }) => threadId);
	}

	#commandLine(): string[] {
		const { workers = 1, application } = this.#options;
		const flags = {
			ROOTPATH: this.root,
			TC_AGREEMENT: 'yes',
			DEFAULTS_MODE: 'prod',
			HDB_ADMIN_USERNAME: admin.username,
			HDB_ADMIN_PASSWORD: admin.password,
			NODE_HOSTNAME: this.address,
			REPLICATION_HOSTNAME: this.address,
			THREADS_COUNT: workers,
			THREADS_DEBUG: false,
			HTTP_PORT: `${this.address}:9926`,
			OPERATIONSAPI_NETWORK_PORT: `${this.address}:9925`,
			MQTT_NETWORK_PORT: `${this.address}:1883`,
			MQTT_NETWORK_SECUREPORT: `${this.address}:8883`,
			REPLICATION_SECUREPORT: `${this.address}:9933`,
		};
		return [
			harperEntry,
			...(application === undefined ? [] : [application.command, application.directory]),
			...Object.entries(flags).map(([name, value]) => `--${name}=${value}`),
		];
	}

	async #environment(): Promise<Record<string, string>> {
		const { config = {}, env, faketime } = this.#options;
		// The socket would serve the operations API a second time, to every user of the machine.
		const configuration = merge({ operationsApi: { network: { domainSocket: null } } }, config);
		if (faketime !== undefined) await this.setClock(faketime);
		return {
			...markedEnvironment(this.root),
			HOME: this.root,
			HARPER_SET_CONFIG: JSON.stringify(configuration),
			...(faketime === undefined ? {} : faketimeEnvironment(this.#clockFile)),
			...env,
		};
	}
}

/** The package exports no `bin`; its main module lies one directory below the package's own. */
const harperEntry = join(dirname(createRequire(import.meta.url).resolve('harperdb')), 'bin/harperdb.js');

function ended(child: ChildProcess): boolean {
	return child.exitCode !== null || child.signalCode !== null;
}

function templateRoot(): string {
	return join(runDirectory(), 'template');
}

async function placeComponent(root: string, { name, source, as = 'copy' }: ComponentPlacement): Promise<void> {
	const place = join(root, 'components', name);
	await mkdir(dirname(place), { recursive: true });
	if (as === 'symlink') await symlink(source, place, 'dir');
	else if (!(await linked(source, place))) await cp(source, place, { recursive: true, verbatimSymlinks: true });
}

/** Second names cost less than four thousand copies. False where the two lie on different disks. */
async function linked(source: string, place: string): Promise<boolean> {
	try {
		await execute('cp', ['-al', source, place]);
		return true;
	} catch {
		await rm(place, { recursive: true, force: true });
		return false;
	}
}

function authorization(user: Credentials | null): Record<string, string> {
	if (user === null) return {};
	return { authorization: `Basic ${Buffer.from(`${user.username}:${user.password}`).toString('base64')}` };
}

/** A loopback address on which Harper's ports are free, also while other checkouts run theirs. */
async function freeAddress(): Promise<string> {
	return eventually(
		async () => {
			const address = `127.${randomInt(64, 255)}.${randomInt(256)}.${randomInt(1, 255)}`;
			return (await canListen(address, 9925)) && (await canListen(address, 9926)) && address;
		},
		{ describe: 'a loopback address is free' }
	);
}

function canListen(address: string, port: number): Promise<boolean> {
	return new Promise((resolve) => {
		const server = createServer();
		server.once('error', () => resolve(false));
		server.listen(port, address, () => server.close(() => resolve(true)));
	});
}

function faketimeEnvironment(clockFile: string): Record<string, string> {
	const architecture = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
	const library = `/usr/lib/${architecture}-linux-gnu/faketime/libfaketimeMT.so.1`;
	if (!existsSync(library)) throw new Error(`${library} is missing: install the Debian package libfaketime`);
	return {
		LD_PRELOAD: library,
		FAKETIME_TIMESTAMP_FILE: clockFile,
		FAKETIME_CACHE_DURATION: '1',
		FAKETIME_DONT_FAKE_MONOTONIC: '1',
	};
}

function merge(base: Configuration, changes: Configuration): Configuration {
	const merged: Record<string, unknown> = { ...base };
	for (const [key, value] of Object.entries(changes)) {
		const former = merged[key];
		merged[key] = isConfiguration(former) && isConfiguration(value) ? merge(former, value) : value;
	}
	return merged;
}

function isConfiguration(value: unknown): value is Configuration {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A process may end by itself between being seen and being signalled. */
function signalIfAlive(pid: number, signal: NodeJS.Signals): void {
	try {
		process.kill(pid, signal);
	} catch (error) {
		if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
	}
}

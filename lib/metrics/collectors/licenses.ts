import type { Collector } from '../collector.ts';
import { type FamilyDefinition, samples, seconds } from '../family.ts';

/** Use of one thing that a license meters. */
export interface Allowance {
	readonly used?: number | undefined;
	/** Undefined when it is unlimited. */
	readonly limit?: number | undefined;
}

export interface LicenseReading {
	readonly id: string;
	readonly expiresAt?: number | undefined;
	readonly reads: Allowance;
	readonly writes: Allowance;
	readonly realTimeMessages: Allowance;
	readonly readBytes: Allowance;
	readonly writeBytes: Allowance;
	readonly realTimeBytes: Allowance;
	readonly cpuSeconds: Allowance;
}

export interface LicenseFacts {
	/** The installed usage licenses, by unique id; empty on an unlicensed node. */
	read(): Promise<readonly LicenseReading[]>;
}

const source = 'operation get_usage_licenses';
const approximation =
	'Harper counts from its aggregates, which lose about a third of the traffic; this is what it bills, not what happened.';

const family = (name: string, help: string, labels: readonly string[]): FamilyDefinition => ({
	name: `harper_license_${name}`,
	type: 'gauge',
	help,
	labels: ['license', ...labels],
	source,
	...(name.startsWith('used') ? { approximation } : {}),
});

const usedOperations = family('used_operations', 'Operations charged to the license so far, by kind.', ['kind']);
const limitOperations = family('limit_operations', 'Operations that the license allows; absent when unlimited.', [
	'kind',
]);
const usedBytes = family('used_bytes', 'Bytes charged to the license so far, by kind of operation.', ['kind']);
const limitBytes = family('limit_bytes', 'Bytes that the license allows; absent when unlimited.', ['kind']);
const usedCpu = family('used_cpu_seconds', 'CPU time of application code charged to the license so far.', []);
const limitCpu = family('limit_cpu_seconds', 'CPU time that the license allows; absent when unlimited.', []);
const expires = family('expires_timestamp_seconds', 'When the license expires.', []);

type Side = keyof Allowance;

export function licensesCollector(facts: LicenseFacts): Collector {
	return {
		name: 'licenses',
		definitions: [usedOperations, limitOperations, usedBytes, limitBytes, usedCpu, limitCpu, expires],
		minIntervalMs: 60_000,
		async collect() {
			const licenses = await facts.read();
			const operations = (definition: FamilyDefinition, side: Side) =>
				samples(
					definition,
					licenses.flatMap(({ id, reads, writes, realTimeMessages }) => [
						[[id, 'read'], reads[side]] as const,
						[[id, 'write'], writes[side]] as const,
						[[id, 'real_time'], realTimeMessages[side]] as const,
					])
				);
			const bytes = (definition: FamilyDefinition, side: Side) =>
				samples(
					definition,
					licenses.flatMap(({ id, readBytes, writeBytes, realTimeBytes }) => [
						[[id, 'read'], readBytes[side]] as const,
						[[id, 'write'], writeBytes[side]] as const,
						[[id, 'real_time'], realTimeBytes[side]] as const,
					])
				);
			return [
				operations(usedOperations, 'used'),
				operations(limitOperations, 'limit'),
				bytes(usedBytes, 'used'),
				bytes(limitBytes, 'limit'),
				samples(
					usedCpu,
					licenses.map(({ id, cpuSeconds }) => [[id], cpuSeconds.used])
				),
				samples(
					limitCpu,
					licenses.map(({ id, cpuSeconds }) => [[id], cpuSeconds.limit])
				),
				samples(
					expires,
					licenses.map(({ id, expiresAt }) => [[id], seconds(expiresAt)])
				),
			];
		},
	};
}

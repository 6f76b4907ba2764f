import type { Allowance, LicenseFacts, LicenseReading } from '../../metrics/collectors/licenses.ts';
import { type Fields, instantIn, numberIn, stringIn } from './fields.ts';
import { drain, operate } from './in-process.ts';

export function harperLicenses(): LicenseFacts {
	return {
		async read() {
			const licenses = new Map<string, LicenseReading>();
			for (const row of await drain(await operate('get_usage_licenses'))) {
				const license = parseLicense(row);
				if (license !== undefined) licenses.set(license.id, license);
			}
			return [...licenses.values()];
		},
	};
}

function parseLicense(row: Fields): LicenseReading | undefined {
	const id = stringIn(row, 'id');
	if (id === undefined) return undefined;
	return {
		id,
		expiresAt: instantIn(row, 'expiration'),
		reads: allowance(row, 'reads', 'usedReads'),
		writes: allowance(row, 'writes', 'usedWrites'),
		realTimeMessages: allowance(row, 'realTimeMessages', 'usedRealTimeMessages'),
		readBytes: allowance(row, 'readBytes', 'usedReadBytes'),
		writeBytes: allowance(row, 'writeBytes', 'usedWriteBytes'),
		realTimeBytes: allowance(row, 'realTimeBytes', 'usedRealTimeBytes'),
		cpuSeconds: inSeconds(allowance(row, 'cpuTime', 'usedCpuTime')),
	};
}

/** Harper leaves the use out until there is some, and writes -1 for no limit. */
function allowance(row: Fields, limitName: string, usedName: string): Allowance {
	const limit = numberIn(row, limitName);
	return { used: numberIn(row, usedName) ?? 0, limit: limit === -1 ? undefined : limit };
}

/** Harper accounts CPU in hours. */
function inSeconds({ used, limit }: Allowance): Allowance {
	return { used: used && used * 3600, limit: limit && limit * 3600 };
}

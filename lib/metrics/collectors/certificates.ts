import type { Collector } from '../collector.ts';
import { type FamilyDefinition, samples, seconds } from '../family.ts';

export interface CertificateReading {
	readonly name: string;
	/** Undefined when Harper holds a date that cannot be read. */
	readonly expiresAt?: number | undefined;
}

export interface CertificateFacts {
	/** The certificates and authorities in Harper's store, by unique name. */
	read(): Promise<readonly CertificateReading[]>;
}

const notAfter: FamilyDefinition = {
	name: 'harper_certificate_not_after_timestamp_seconds',
	type: 'gauge',
	help: 'When the certificate or authority expires; connections that rely on it fail from then on.',
	labels: ['certificate'],
	source: 'operation list_certificates',
};

export function certificatesCollector(facts: CertificateFacts): Collector {
	return {
		name: 'certificates',
		definitions: [notAfter],
		minIntervalMs: 60_000,
		async collect() {
			const certificates = await facts.read();
			return [
				samples(
					notAfter,
					certificates.map(({ name, expiresAt }) => [[name], seconds(expiresAt)])
				),
			];
		},
	};
}

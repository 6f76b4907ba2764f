import type { CertificateFacts, CertificateReading } from '../../metrics/collectors/certificates.ts';
import { asFields, instantIn, stringIn } from './fields.ts';
import { operate } from './in-process.ts';

export function harperCertificates(): CertificateFacts {
	return { read: async () => parseCertificates(await operate('list_certificates')) };
}

export function parseCertificates(answer: unknown): readonly CertificateReading[] {
	const byName = new Map<string, CertificateReading>();
	for (const row of Array.isArray(answer) ? answer.map(asFields) : []) {
		const name = stringIn(row, 'name');
		if (name !== undefined) {
			byName.set(name, { name, expiresAt: instantIn(asFields(row['details']), 'valid_to') });
		}
	}
	return [...byName.values()];
}

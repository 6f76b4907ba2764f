import { afterAll, beforeAll } from 'vitest';

/** The credentials that s3rver knows, in the environment, and no file of the machine's user. */
export function withCredentials(): void {
	const before = { ...process.env };
	beforeAll(() => {
		Object.assign(process.env, {
			AWS_ACCESS_KEY_ID: 'S3RVER',
			AWS_SECRET_ACCESS_KEY: 'S3RVER',
			AWS_CONFIG_FILE: '/dev/null',
			AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
			AWS_EC2_METADATA_DISABLED: 'true',
		});
	});
	afterAll(() => {
		process.env = before;
	});
}

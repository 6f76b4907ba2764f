import { afterAll, beforeAll } from 'vitest';
import { s3Repository } from '../../../lib/adapters/s3/repository.ts';
import { repositoryContract } from '../../contracts/repository.ts';
import { BUCKET, S3Server } from '../../support/s3-server.ts';
import { withCredentials } from '../../support/s3-credentials.ts';

let server: S3Server;
let opened = 0;

withCredentials();
beforeAll(async () => {
	server = await S3Server.start();
});
afterAll(() => server.stop());

const PART_BYTES = 5 * 1024 * 1024;

repositoryContract(
	'a bucket',
	async () => {
		const prefix = `place-${opened++}`;
		const location = { bucket: BUCKET, prefix, endpoint: server.endpoint, pathStyle: true };
		return s3Repository(location, { partBytes: PART_BYTES, pageKeys: 3 });
	},
	// s3rver adds an ending of 22 characters to the names of its files.
	{ runs: 10, largeBytes: 2 * PART_BYTES + 7, longestSegment: 255 - 22 }
);

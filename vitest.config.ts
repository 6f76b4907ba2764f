import { defineConfig } from 'vitest/config';

export default defineConfig({
	test: {
		projects: [
			{
				test: {
					name: 'unit',
					testTimeout: 60_000,
					include: ['test/**/*.test.ts'],
					exclude: ['test/integration/**', 'test/long/**'],
				},
			},
			{
				test: {
					name: 'integration',
					include: ['test/integration/**/*.test.ts'],
					globalSetup: 'test/support/global-setup.ts',
					// Each file boots its own Harpers; two cores carry one at a time.
					fileParallelism: false,
					testTimeout: 120_000,
					hookTimeout: 120_000,
				},
			},
			// Minutes of computing, for what seconds may miss.
			{ test: { name: 'long', include: ['test/long/**/*.test.ts'], testTimeout: 1_800_000 } },
		],
	},
});

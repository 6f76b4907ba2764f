import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const checkout = join(import.meta.dirname, '../..');

/** The folder of JavaScript that the compiler makes of files and of what they import: processes of Node.js 20 run no other. */
export function compiled(...files: readonly string[]): URL {
	const folder = mkdtempSync(join(tmpdir(), 'custodian-compiled-'));
	const paths = { rootDir: checkout, outDir: folder, typeRoots: [join(checkout, 'node_modules/@types')] };
	const config = {
		extends: join(checkout, 'tsconfig.json'),
		compilerOptions: paths,
		include: [],
		files: files.map((file) => join(checkout, file)),
	};
	writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
	writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
	execFileSync(join(checkout, 'node_modules/.bin/tsc'), ['-p', folder]);
	return pathToFileURL(`${folder}/`);
}

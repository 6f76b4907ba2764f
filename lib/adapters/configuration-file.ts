import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { CustodianError } from '../errors.ts';

/** What a `harperdb-config.yaml` holds. It may hold secrets, so no error quotes it. */
export async function readConfigurationFile(path: string): Promise<unknown> {
	const text = await readFile(path, 'utf8').catch((error: unknown) => {
		throw invalid(path, 'could not be read', error);
	});
	try {
		return parse(text);
	} catch {
		throw invalid(path, 'is not YAML');
	}
}

function invalid(path: string, what: string, cause?: unknown): CustodianError {
	return new CustodianError('configuration_invalid', path, `The configuration file ${path} ${what}.`, {
		cause,
		hint: "Name Harper's harperdb-config.yaml, which stands in its root directory, or the place with --repository.",
	});
}

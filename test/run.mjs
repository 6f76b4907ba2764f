// @ts-check
// Runs every check of the project and ends with one line: how many passed, how many failed. A check without tests of
// its own counts as one. Plain JavaScript, so that it runs, and counts, when nothing compiles.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const checks = ['types', 'lint', 'format:check', 'deadcode'];
const suites = ['test:unit', 'test:integration'];

const reports = mkdtempSync(join(tmpdir(), 'custodian-reports-'));
try {
	const results = [...checks.map(runCheck), ...suites.map(runSuite)];
	const passed = results.reduce((sum, result) => sum + result.passed, 0);
	const failed = results.reduce((sum, result) => sum + result.failed, 0);
	process.exitCode = failed === 0 ? 0 : 1;
	console.log(`${passed} passed, ${failed} failed`);
} finally {
	rmSync(reports, { recursive: true });
}

/** @typedef {{ passed: number, failed: number }} Result */

/** @type {(script: string) => Result} */
function runCheck(script) {
	return runScript(script) ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

/** @type {(script: string) => Result} */
function runSuite(script) {
	const report = join(reports, `${script.replace(':', '-')}.json`);
	const succeeded = runScript(script, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`);
	const { passed, failed } = readReport(report);
	// A suite fails also by what no test stands for: a file that does not load, an error outside of any test, no tests.
	const failedOutsideTests = failed === 0 && (!succeeded || passed === 0);
	return { passed, failed: failed + Number(failedOutsideTests) };
}

/** @type {(report: string) => Result} */
function readReport(report) {
	try {
		const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(report, 'utf8'));
		return { passed: numPassedTests, failed: numFailedTests };
	} catch (error) {
		console.log(`No report: ${String(error)}`);
		return { passed: 0, failed: 0 };
	}
}

/** @type {(script: string, ...args: string[]) => boolean} */
function runScript(script, ...args) {
	console.log(`\n# ${script}`);
	const { status } = spawnSync('npm', ['run', '--silent', script, '--', ...args], {
		stdio: ['ignore', 'inherit', 'inherit'],
	});
	if (status !== 0) console.log(`${script} failed`);
	return status === 0;
}

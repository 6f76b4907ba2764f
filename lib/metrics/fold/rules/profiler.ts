import type { Entry } from '../entry.ts';
import type { FamilyDefinition } from '../../family.ts';
import { RAW_LOG, type Rules } from '../rule.ts';

const cpu: FamilyDefinition = {
	name: 'harper_profiler_cpu_seconds_total',
	type: 'counter',
	help: 'CPU time by whose code ran, user or harper, as sampled by the profiler of each worker.',
	labels: ['code'],
	source: `${RAW_LOG}: cpu-usage`,
	approximation: 'Sampled every millisecond; time in native code belongs to its caller.',
};

const functions: FamilyDefinition = {
	name: 'harper_profiler_function_cpu_seconds_total',
	type: 'counter',
	help: 'CPU time of the functions that ran hottest, by script and line; part of harper_profiler_cpu_seconds_total.',
	labels: ['function'],
	source: `${RAW_LOG}: cpu-usage`,
	approximation: 'Only functions that took more than 100 samples in a profiling period.',
};

const isTotal = (entry: Entry) => entry.path === 'harper' || entry.path === 'user';
const byPath = (entry: Entry) => [entry.path];
const seconds = (entry: Entry) => (entry.kind === 'numeric' && entry.sum >= 0 ? entry.sum : undefined);

export const profilerRules: Rules = {
	'cpu-usage': [
		{ when: isTotal, family: cpu, labels: byPath, amount: seconds },
		{ when: (entry) => !isTotal(entry), family: functions, labels: byPath, amount: seconds },
	],
};

import type { Collector } from '../collector.ts';
import { type FamilyDefinition, samples, single } from '../family.ts';
import { type LogCount, logLevels } from '../log/count.ts';

const linesTotal: FamilyDefinition = {
	name: 'harper_log_lines_total',
	type: 'counter',
	help: "Entries written to Harper's log file by level, counted since this component first saw the file.",
	labels: ['level'],
	source: 'hdb.log in logging.root',
	approximation:
		'Levels below logging.level are not written at all, and above 10,000 entries in a burst Harper drops the rest. A file that came and went between two readings is missed.',
};
const skippedBytes: FamilyDefinition = {
	name: 'harper_log_skipped_bytes_total',
	type: 'counter',
	help: "Bytes of Harper's log file that were not counted because reading had fallen too far behind.",
	labels: [],
	source: 'hdb.log in logging.root',
};

/** Shows the count that whoever follows the log keeps; nothing before the log was first seen. */
export function logLinesCollector(latest: () => Promise<LogCount | undefined>): Collector {
	return {
		name: 'log_lines',
		definitions: [linesTotal, skippedBytes],
		async collect() {
			const count = await latest();
			if (count === undefined || count.files.length === 0) return [];
			return [
				samples(
					linesTotal,
					logLevels.map((level) => [[level], count.lines[level]])
				),
				single(skippedBytes, count.skippedBytes),
			];
		},
	};
}

import type { Collector } from '../collector.ts';
import { type FamilyDefinition, samples, single } from '../family.ts';

export interface ComponentsReading {
	/** Each component once. */
	readonly components: readonly { readonly name: string; readonly status: string }[];
	/** What operators and applications report through `set_status`, by unique id. */
	readonly reported: readonly { readonly id: string; readonly status: string }[];
	readonly restartRequired?: boolean | undefined;
}

export interface ComponentFacts {
	read(): Promise<ComponentsReading>;
}

const status: FamilyDefinition = {
	name: 'harper_component_status',
	type: 'gauge',
	help: '1 for the status that the component has now (healthy, loading, warning, error or unknown), the worst over all threads.',
	labels: ['component', 'status'],
	source: 'operation get_status',
};
const reportedStatus: FamilyDefinition = {
	name: 'harper_reported_status',
	type: 'gauge',
	help: '1 for the status that an operator or application last reported for the id through set_status.',
	labels: ['id', 'status'],
	source: 'operation get_status',
};
const restartRequired: FamilyDefinition = {
	name: 'harper_restart_required',
	type: 'gauge',
	help: '1 when a component or its configuration changed in a way that takes effect only after a restart of Harper.',
	labels: [],
	source: 'operation get_status',
};

export function componentsCollector(facts: ComponentFacts): Collector {
	return {
		name: 'components',
		definitions: [status, reportedStatus, restartRequired],
		minIntervalMs: 30_000,
		async collect() {
			const reading = await facts.read();
			return [
				samples(
					status,
					reading.components.map((component) => [[component.name, component.status], 1])
				),
				samples(
					reportedStatus,
					reading.reported.map((report) => [[report.id, report.status], 1])
				),
				single(restartRequired, reading.restartRequired === undefined ? undefined : Number(reading.restartRequired)),
			];
		},
	};
}

import type { ComponentFacts, ComponentsReading } from '../../metrics/collectors/components.ts';
import { asFields, booleanIn, type Fields, listIn, stringIn } from './fields.ts';
import { drain, operate } from './in-process.ts';

export function harperComponents(): ComponentFacts {
	return {
		async read() {
			const answer = asFields(await operate('get_status'));
			// This part is a search still to be run. Left alone it would keep a read transaction open, and the file of
			// the system database would grow until the garbage collector comes by.
			const reported = await drain(answer['systemStatus']);
			return parseStatus(answer, reported);
		},
	};
}

function parseStatus(answer: Fields, reported: readonly Fields[]): ComponentsReading {
	const byName = new Map<string, { name: string; status: string }>();
	for (const component of listIn(answer, 'componentStatus')) {
		const name = stringIn(component, 'name');
		if (name !== undefined) byName.set(name, { name, status: stringIn(component, 'status') ?? 'unknown' });
	}
	const statuses = new Map<string, string>();
	for (const row of reported) {
		const id = stringIn(row, 'id');
		const status = stringIn(row, 'status');
		if (id !== undefined && status !== undefined) statuses.set(id, status);
	}
	return {
		components: [...byName.values()],
		reported: [...statuses].map(([id, status]) => ({ id, status })),
		restartRequired: booleanIn(answer, 'restartRequired'),
	};
}

import type { ComponentFacts, ComponentsReading } from '../../metrics/collectors/components.ts';
import { asFields, booleanIn, listIn, stringIn } from './fields.ts';
import { operate } from './in-process.ts';

export function harperComponents(): ComponentFacts {
	return { read: async () => parseStatus(await operate('get_status')) };
}

export function parseStatus(answer: unknown): ComponentsReading {
	const fields = asFields(answer);
	const byName = new Map<string, { name: string; status: string }>();
	for (const component of listIn(fields, 'componentStatus')) {
		const name = stringIn(component, 'name');
		if (name !== undefined) byName.set(name, { name, status: stringIn(component, 'status') ?? 'unknown' });
	}
	return { components: [...byName.values()], restartRequired: booleanIn(fields, 'restartRequired') };
}

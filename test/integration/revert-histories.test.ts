import { join } from 'node:path';
import { expect, test } from 'vitest';
import { builtComponent } from '../support/component.ts';
import { startHarper, type Harper } from '../support/harper.ts';
import { ask } from '../support/jobs.ts';
import {
	ATTRIBUTES,
	RandomHistory,
	textOf,
	withAll,
	withoutSelected,
	type ModelSelection,
} from '../support/revert-model.ts';
import type { Values, Write } from '../support/revert-model.ts';
import { reverted, writeAll, type MarketTransaction } from '../support/reverts.ts';

const isLong = process.env['CUSTODIAN_TEST_LONG'] !== undefined;
/** Of each selection. Each is one of a few records of its own. */
const HISTORIES = isLong ? 400 : 40;
const RECORDS = ['x', 'y'];
const ACTIONS = ['put', 'patch', 'patch', 'patch', 'delete'] as const;

test(
	'reverts of random histories leave what a world without the selected writes would have, and can be undone',
	async () => {
		await using harper = await startHarper({
			components: [
				{ name: 'harper-custodian', source: builtComponent() },
				{ name: 'market', source: join(import.meta.dirname, '../support/fixtures/market') },
			],
			config: { custodian: { snapshots: [] } },
			workers: 2,
		});
		for (const { name, select, model } of selections) {
			const writes = await play(harper, name);
			const before = await recordsOf(harper, name);
			expect(before, 'the model knows how Harper writes').toEqual(expected(writes, withAll));
			const done = await reverted(harper, { select: select(`bad-${name}`) });
			expect(done).toMatchObject({ state: 'applied', receipt: { counts: { drifted: 0, impossible: 0 } } });
			expect(await recordsOf(harper, name), name).toEqual(expected(writes, (own) => withoutSelected(own, model)));
			await reverted(harper, { select: { revert: done.id } });
			expect(await recordsOf(harper, name), `${name}, undone`).toEqual(before);
		}
	},
	60_000 + HISTORIES * 2000
);

interface Case {
	readonly name: string;
	readonly select: (bad: string) => object;
	readonly model: ModelSelection;
}

const isBad = ({ user }: Write) => user.startsWith('bad-');
const selections: readonly Case[] = [
	{ name: 'user', select: (bad) => ({ users: [bad] }), model: { takes: isBad } },
	{
		name: 'field',
		select: (bad) => ({ users: [bad], fields: ['a', 'b'] }),
		model: { takes: isBad, fields: ['a', 'b'] },
	},
	{
		name: 'type',
		select: (bad) => ({ users: [bad], types: ['delete'] }),
		model: { takes: (write) => isBad(write) && write.action === 'delete' },
	},
];

/** Writes all histories, and returns the writes of each record. */
async function play(harper: Harper, name: string): Promise<ReadonlyMap<string, readonly Write[]>> {
	const byRecord = new Map<string, Write[]>();
	let at = 0;
	for (let first = 0; first < HISTORIES; first += 50) {
		const transactions: MarketTransaction[] = [];
		for (let n = first; n < Math.min(HISTORIES, first + 50); n++) {
			const random = new RandomHistory(n * 7 + name.length);
			const records = RECORDS.map((record) => `${name}-${n}-${record}`);
			for (let left = 4 + random.below(14); left > 0; left--) {
				const user = random.oneOf([`bad-${name}`, 'good', 'other']);
				const id = random.oneOf(records);
				const action = random.oneOf(ACTIONS);
				const values = action === 'delete' ? undefined : valuesFrom(random, action === 'patch');
				const write: Write = { table: 'Article', id, action, user, version: ++at, localTime: at, values };
				byRecord.set(id, [...(byRecord.get(id) ?? []), write]);
				transactions.push({ as: user, writes: [{ id, ...(values && { [action]: values }) }] });
			}
		}
		await writeAll(harper, transactions);
	}
	return byRecord;
}

/** Never none: an empty patch is none for Harper. */
function valuesFrom(random: RandomHistory, isPatch: boolean): Values {
	const values: Record<string, unknown> = { a: random.below(4) };
	for (const name of ATTRIBUTES.slice(1)) {
		const kind = random.below(10);
		if (kind < 4) continue;
		if (isPatch && kind < 7) values[name] = { __op__: 'add', value: random.below(5) - 2 };
		else if (kind === 9) values[name] = random.oneOf(['word', 'other', null]);
		else values[name] = random.below(4);
	}
	return values;
}

async function recordsOf(harper: Harper, name: string): Promise<Readonly<Record<string, string>>> {
	const path = `/MarketRecords?table=Article&attributes=${ATTRIBUTES.join(',')}`;
	const { body } = await ask<Record<string, Values>>(harper, path);
	const own = Object.entries(body).filter(([id]) => id.startsWith(`${name}-`));
	return Object.fromEntries(own.map(([id, values]) => [id, textOf(values)]));
}

function expected(
	byRecord: ReadonlyMap<string, readonly Write[]>,
	end: (writes: readonly Write[]) => Values | null
): Readonly<Record<string, string>> {
	const records = Array.from(byRecord, ([id, writes]) => [id, end(writes)] as const);
	return Object.fromEntries(records.flatMap(([id, values]) => (values === null ? [] : [[id, textOf(values)]])));
}

import { CustodianError } from '../../errors.ts';
import type { Leases } from '../../schedule/lease.ts';
import { asFields, numberIn, stringIn } from './fields.ts';
import { harperHost, type TableClass } from './host.ts';

/** Leases in a table that Harper replicates, and so through the table and not past it. */
export const harperLeases: Leases = {
	async read(occurrence) {
		const { primaryStore } = leaseTable();
		primaryStore.resetReadTxn();
		const fields = asFields(primaryStore.get(occurrence));
		const [holder, token, beat] = [stringIn(fields, 'holder'), numberIn(fields, 'token'), numberIn(fields, 'beat')];
		return holder === undefined || token === undefined || beat === undefined ? undefined : { holder, token, beat };
	},
	async write(occurrence, lease) {
		await leaseTable().put({ id: occurrence, ...lease });
	},
	async remove(occurrence) {
		await leaseTable().delete(occurrence);
	},
};

function leaseTable(): TableClass {
	const table = harperHost().databases['custodian']?.['Lease'];
	if (table) return table;
	throw new CustodianError('state_missing', 'custodian.Lease', 'The table custodian.Lease is missing.', {
		hint: 'Harper makes it from our schema.graphql when it starts; restart Harper and look into its log.',
	});
}

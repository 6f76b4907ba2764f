import { CustodianError, messageOf } from '../../errors.ts';
import { harperHost, type Store } from './host.ts';

/** Where the component keeps its own state: a local, unaudited table. */
export interface State {
	/** The store, looked up anew, since an operator may drop the table. Throws `state_missing`. */
	store(): Store;
	/** Why there is no store; undefined where there is one. */
	problem(): string | undefined;
}

export function harperState(name: 'Checkpoint' | 'Job' | 'Bookmark' | 'Revert' = 'Checkpoint'): State {
	const store = () => {
		const table = harperHost().databases['custodian']?.[name];
		if (table) return table.primaryStore;
		const hint = 'Harper makes it from our schema.graphql when it starts; restart Harper and look into its log.';
		const subject = `custodian.${name}`;
		throw new CustodianError('state_missing', subject, `The table ${subject} is missing.`, { hint });
	};
	return {
		store,
		problem() {
			try {
				store();
				return undefined;
			} catch (error) {
				return messageOf(error);
			}
		},
	};
}

import { CustodianError, messageOf } from '../../errors.ts';
import { harperHost, type Store } from './host.ts';

/** Where the component keeps its own state: a local, unaudited table. */
export interface State {
	/** The store, looked up anew, since an operator may drop the table. Throws `state_missing`. */
	store(): Store;
	/** Why there is no store; undefined where there is one. */
	problem(): string | undefined;
}

export function harperState(): State {
	const store = () => {
		const table = harperHost().databases['custodian']?.['Checkpoint'];
		if (table) return table.primaryStore;
		const hint = 'Harper makes it from our schema.graphql when it starts; restart Harper and look into its log.';
		throw new CustodianError('state_missing', 'custodian.Checkpoint', 'The table custodian.Checkpoint is missing.', {
			hint,
		});
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

import * as v from 'valibot';
import { CustodianError } from '../errors.ts';

const name = v.pipe(v.string(), v.minLength(1), v.maxLength(1000));

const takeRequest = v.strictObject({
	/** Names, or `*` for all. */
	databases: v.array(name),
	label: v.optional(v.string()),
	pin: v.optional(v.boolean(), false),
	/** The schedule, and the occurrence of it, that asks. */
	schedule: v.optional(v.strictObject({ name, occurrence: name })),
});

const verifyRequest = v.strictObject({
	ids: v.array(name),
	depth: v.picklist(['checksums', 'deep']),
});

/** What belongs to another node is that node's, by its own policies: it may share the repositories. */
const upkeepRequest = v.strictObject({ node: name });

/** What a job of kind `snapshot` is to do. */
export type TakeRequest = v.InferOutput<typeof takeRequest>;
/** What a job of kind `verify` is to do. */
export type VerifyRequest = v.InferOutput<typeof verifyRequest>;

/** What a job of kind `prune` or `reconcile` is to do. */
export type UpkeepRequest = v.InferOutput<typeof upkeepRequest>;

export const parseTakeRequest = (request: unknown): TakeRequest => parsed(takeRequest, request);
export const parseVerifyRequest = (request: unknown): VerifyRequest => parsed(verifyRequest, request);
export const parseUpkeepRequest = (request: unknown): UpkeepRequest => parsed(upkeepRequest, request);

/** A job outlives the version that submitted it. */
function parsed<T>(schema: v.GenericSchema<unknown, T>, request: unknown): T {
	const result = v.safeParse(schema, request);
	if (result.success) return result.output;
	throw new CustodianError('job_not_understood', 'request', 'Another version of harper-custodian asked for this.', {
		hint: 'Ask again.',
	});
}

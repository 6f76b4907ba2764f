import fc from 'fast-check';

/** Values that a record of Harper can hold, of which msgpackr gives back what it was given. */
export const storable: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
	value: fc.oneof(
		{ maxDepth: 4, withCrossShrink: true },
		fc.constantFrom(null, undefined, true, false),
		fc.integer(),
		fc.double().filter((number) => !Object.is(number, -0)),
		fc.string({ unit: 'grapheme', maxLength: 100 }),
		fc.string({ maxLength: 12 }),
		fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n }).filter((integer) => integer !== 0n),
		fc.date({ noInvalidDate: true, min: new Date('1900-01-01'), max: new Date('2300-01-01') }),
		fc.uint8Array({ maxLength: 40 }),
		fc.array(tie('value'), { maxLength: 5 }),
		fc.dictionary(attributeName(), tie('value'), { maxKeys: 5 }),
		fc.array(fc.tuple(fc.string({ maxLength: 5 }), tie('value')), { maxLength: 3 }).map((entries) => new Map(entries))
	),
})).value;

export const storableRecord: fc.Arbitrary<Record<string, unknown>> = fc.dictionary(attributeName(), storable, {
	minKeys: 1,
	maxKeys: 9,
	noNullPrototype: true,
});

function attributeName(): fc.Arbitrary<string> {
	return fc
		.oneof(fc.constantFrom('id', 'name', 'size', 'at', 'tags', 'ownerId'), fc.string({ minLength: 1, maxLength: 8 }))
		.filter((name) => name !== '__proto__' && name !== 'toJSON' && name !== 'hasOwnProperty');
}

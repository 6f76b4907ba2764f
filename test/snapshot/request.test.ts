import { expect, test } from 'vitest';
import { parseTakeRequest, parseVerifyRequest } from '../../lib/snapshot/request.ts';

test('what is asked of a job is read as it was written', () => {
	const full = { databases: ['*', 'a'], label: 'x', pin: true, schedule: { name: 's', occurrence: 's@1' } };
	expect(parseTakeRequest(full)).toEqual(full);
	expect(parseTakeRequest({ databases: [] })).toEqual({ databases: [], pin: false });
	expect(parseVerifyRequest({ ids: ['a'], depth: 'deep' })).toEqual({ ids: ['a'], depth: 'deep' });
});

test.each([undefined, null, {}, { databases: 'a' }, { databases: [''] }, { databases: [], more: 1 }])(
	'%j asks for no snapshot that this version knows how to take',
	(request) => {
		expect(() => parseTakeRequest(request)).toThrow(expect.objectContaining({ code: 'job_not_understood' }));
	}
);

test.each([{}, { ids: ['a'] }, { ids: 'a', depth: 'deep' }, { ids: ['a'], depth: 'quick' }])(
	'%j asks for no verification that this version knows how to do',
	(request) => {
		expect(() => parseVerifyRequest(request)).toThrow(expect.objectContaining({ code: 'job_not_understood' }));
	}
);

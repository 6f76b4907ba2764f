import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { acceptsGzip, negotiate } from '../../lib/http/negotiate.ts';

const PROMETHEUS_2_42 =
	'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,' +
	'text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
const PROMETHEUS_3 =
	'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,' +
	'text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2';
const PROMETHEUS_3_PROTOBUF =
	'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,' +
	'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,' +
	'text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1';
const CHROME =
	'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,' +
	'application/signed-exchange;v=b3;q=0.7';

describe('the format of an exposition', () => {
	it.each([
		['no header', undefined],
		['an empty one', ''],
		['white space', ' \t'],
		['anything', '*/*'],
		['any text', 'text/*'],
		['text', 'text/plain'],
		['text of our version', 'text/plain; version=0.0.4; charset=utf-8'],
		['text of a later version', 'text/plain;version=1.0.0;escaping=allow-utf-8'],
		['any case', 'TEXT/Plain;Charset=UTF-8'],
		['Chrome', CHROME],
		['Firefox', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'],
		['a page', 'text/html'],
		['an XML page', 'application/xhtml+xml'],
		['a page, and nothing else', 'text/html, */*;q=0'],
		['axios', 'application/json, text/plain, */*'],
		['Java', 'text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2'],
		['JSON, or else anything', 'application/json, */*;q=0.1'],
		['both alike', 'application/openmetrics-text, text/plain'],
		['text rather than OpenMetrics', 'application/openmetrics-text;q=0.5, text/plain;q=0.6'],
		['OpenMetrics refused', 'application/openmetrics-text;q=0, */*'],
		['OpenMetrics of a version we do not speak', 'application/openmetrics-text;version=2.0.0, text/plain;q=0.1'],
		['OpenMetrics in another charset', 'application/openmetrics-text;charset=utf-16, text/plain;q=0.1'],
		[
			'only the draft',
			'application/openmetrics-text;version=1.0.0;q=0, application/openmetrics-text;version=0.0.1, text/plain;q=0.1',
		],
		['a quoted comma', 'foo/bar;x=",application/openmetrics-text,", text/plain'],
		['a quoted quote', 'foo/bar;x="\\",application/openmetrics-text,", text/plain'],
		['a bad weight beside a good one', 'application/openmetrics-text;q=7, text/plain;q=0.001'],
	])('is text for %s', (_, accept) => {
		expect(negotiate(accept)).toBe('text');
	});

	it.each([
		['Prometheus 2.42', PROMETHEUS_2_42],
		['Prometheus 3', PROMETHEUS_3],
		['Prometheus 3 with protobuf', PROMETHEUS_3_PROTOBUF],
		['OpenMetrics', 'application/openmetrics-text'],
		['the draft', 'application/openmetrics-text; version=0.0.1'],
		['any case and quotes', 'Application/OpenMetrics-Text; Version="1.0.0"; Charset=UTF-8'],
		['OpenMetrics, or anything', 'application/openmetrics-text, */*'],
		['OpenMetrics rather than text', 'text/plain;q=0.5, application/openmetrics-text;q=0.501'],
		['text refused', 'text/plain;q=0, */*;q=0.1'],
		['pages, but not text', 'text/html, text/plain;q=0.2, application/openmetrics-text;q=0.5'],
		['any application', 'application/*'],
		['empty elements', ',, application/openmetrics-text ,,'],
		[
			'the most specific of several',
			'application/openmetrics-text;version=1.0.0;q=0.9, application/*;q=0, text/plain;q=0.5',
		],
	])('is OpenMetrics for %s', (_, accept) => {
		expect(negotiate(accept)).toBe('openmetrics');
	});

	it.each([
		['JSON', 'application/json'],
		['an image', 'image/png, image/*'],
		['nothing at all', '*/*;q=0'],
		['neither', 'application/openmetrics-text;q=0, text/plain;q=0.000, text/*;q=0'],
		['neither of what anything means', 'application/openmetrics-text;q=0, text/plain;q=0, */*'],
		['a version that never was', 'application/openmetrics-text;version=2.0.0'],
		['the most specific of several refusing', 'text/plain;version=0.0.4;q=0, text/plain, text/*'],
		['another charset', 'text/plain;charset=iso-8859-1'],
		['nonsense', 'nonsense'],
		['a bad weight', 'text/plain;q=2'],
		['an unclosed quote', 'foo/bar;x=", text/plain'],
		['more than anyone has reason to send', `${'a/b,'.repeat(3000)}text/plain`],
	])('does not exist for %s', (_, accept) => {
		expect(negotiate(accept)).toBeUndefined();
	});

	it('is found, or not, in whatever is sent', () => {
		fc.assert(
			fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 200 }), headerLike), (accept) => {
				expect(['text', 'openmetrics', undefined]).toContain(negotiate(accept));
			}),
			{ numRuns: 2000 }
		);
	});

	it('does not depend on the order of the ranges', () => {
		const range = fc.tuple(
			fc.constantFrom('application/openmetrics-text', 'text/plain', 'text/html', 'text/*', 'application/*', '*/*'),
			fc.constantFrom('', ';version=1.0.0', ';version=0.0.4', ';version=0.0.1'),
			fc.constantFrom('', ';q=0', ';q=0.5', ';q=1')
		);
		fc.assert(
			fc.property(fc.array(range, { minLength: 1 }), (ranges) => {
				const parts = ranges.map((part) => part.join(''));
				expect(negotiate(parts.toReversed().join(','))).toBe(negotiate(parts.join(', ')));
			})
		);
	});

	it.each([['"'], ['\\"'], [','], [';'], ['='], ['*/*;q=0.5,'], [' '], ['a'], ['text/plain;q="']])(
		'costs no more than its length, however hostile: %s',
		(unit) => {
			const startedAt = performance.now();
			for (const size of [8_000, 1_000_000]) {
				const header = unit.repeat(Math.floor(size / unit.length));
				negotiate(header);
				acceptsGzip(header);
			}
			// Far above what one pass takes, far below what a quadratic one over 8,000 characters would.
			expect(performance.now() - startedAt).toBeLessThan(200);
		}
	);
});

describe('gzip', () => {
	it.each([
		['gzip'],
		['gzip, deflate, br, zstd'],
		['GZIP;q=0.1'],
		['*'],
		['x-gzip'],
		['br;q=1, *;q=0.5'],
		['gzip, *;q=0'],
	])('is accepted by %s', (header) => expect(acceptsGzip(header)).toBe(true));

	it.each([
		[undefined],
		[''],
		['identity'],
		['gzip;q=0'],
		['gzip;q=0.000, *'],
		['*;q=0'],
		['br'],
		['gzipped'],
		['gzip;q=x'],
	])('is not accepted by %s', (header) => expect(acceptsGzip(header)).toBe(false));

	it('is accepted or not by whatever is sent', () => {
		fc.assert(
			fc.property(headerLike, (header) => {
				expect([true, false]).toContain(acceptsGzip(header));
			})
		);
	});
});

const headerLike = fc
	.array(
		fc.constantFrom(
			'text/plain',
			'application/openmetrics-text',
			'*/*',
			'*',
			'gzip',
			',',
			';',
			'=',
			'"',
			'\\',
			'q',
			'0',
			'.5',
			' ',
			'version',
			'1.0.0'
		),
		{ maxLength: 60 }
	)
	.map((parts) => parts.join(''));

import { describe, expect, it } from 'vitest';
import { parse, total, value } from './openmetrics.ts';

const GOOD = `# HELP jobs Jobs, \\"done\\" \\\\ and\\nnot.
# TYPE jobs counter
jobs_total{queue="a\\\\b\\"c\\nd",host="ü😀"} 3
jobs_total 4.5
# HELP size_bytes Size.
# TYPE size_bytes gauge
# UNIT size_bytes bytes
size_bytes -Inf
size_bytes{disk="x"} NaN
size_bytes{disk="y"} 1e+21
# HELP wait_seconds Waiting.
# TYPE wait_seconds histogram
# UNIT wait_seconds seconds
wait_seconds_bucket{path="/",le="0.0"} 0
wait_seconds_bucket{path="/",le="5e-05"} 0
wait_seconds_bucket{path="/",le="0.0001"} 1
wait_seconds_bucket{path="/",le="1.0"} 2
wait_seconds_bucket{path="/",le="2.5e+06"} 2
wait_seconds_bucket{path="/",le="+Inf"} 3
wait_seconds_sum{path="/"} 7.5
wait_seconds_count{path="/"} 3
# HELP load Load.
# TYPE load summary
load_sum 1
load_count 2
# EOF
`;

const GOOD_TEXT = `# HELP jobs_total Jobs, "done" \\\\ and\\nnot.
# TYPE jobs_total counter
jobs_total{queue="a"} 3
jobs_total 4.5
`;

describe('the strict reader', () => {
	it('reads what is right in OpenMetrics', () => {
		const parsed = parse(GOOD, 'openmetrics');
		expect([...parsed.keys()]).toEqual(['jobs', 'size_bytes', 'wait_seconds', 'load']);
		expect(parsed.get('jobs')).toEqual({
			type: 'counter',
			help: 'Jobs, "done" \\ and\nnot.',
			unit: undefined,
			samples: [
				{ name: 'jobs_total', labels: { queue: 'a\\b"c\nd', host: 'ü😀' }, value: 3 },
				{ name: 'jobs_total', labels: {}, value: 4.5 },
			],
		});
		expect(parsed.get('size_bytes')?.unit).toBe('bytes');
		expect(parsed.get('size_bytes')?.samples.map((sample) => sample.value)).toEqual([-Infinity, NaN, 1e21]);
		expect(parse(new TextEncoder().encode(GOOD), 'openmetrics')).toEqual(parsed);
	});

	it('reads what is right in text', () => {
		const parsed = parse(GOOD_TEXT, 'text');
		expect(parsed.get('jobs_total')?.help).toBe('Jobs, "done" \\ and\nnot.');
		expect(parse('', 'text').size).toBe(0);
		expect(parse('# EOF\n', 'openmetrics').size).toBe(0);
	});

	it('finds a value by exactly its labels, and a total by some', () => {
		const parsed = parse(GOOD, 'openmetrics');
		expect(value(parsed, 'jobs_total')).toBe(4.5);
		expect(value(parsed, 'wait_seconds_bucket', { le: '1.0', path: '/' })).toBe(2);
		expect(value(parsed, 'wait_seconds_bucket', { le: '1.0' })).toBeUndefined();
		expect(value(parsed, 'missing')).toBeUndefined();
		expect(total(parsed, 'jobs_total')).toBe(7.5);
		expect(total(parsed, 'jobs_total', { host: 'ü😀' })).toBe(3);
		expect(total(parsed, 'missing')).toBe(0);
	});

	const gauge = (...lines: string[]) => ['# HELP a A.', '# TYPE a gauge', ...lines];
	const counter = (...lines: string[]) => ['# HELP c C.', '# TYPE c counter', ...lines];
	const histogram = (...lines: string[]) => ['# HELP h H.', '# TYPE h histogram', ...lines];
	const totals = ['h_sum 1', 'h_count 2'];

	it.each<[what: string, line: number, lines: string[]]>([
		['a blank line', 3, gauge('', 'a 1')],
		['a comment', 1, ['# Hello there', ...gauge('a 1')]],
		['a # without a space', 1, ['#HELP a A.', '# TYPE a gauge', 'a 1']],
		['no TYPE', 2, ['# HELP a A.', 'a 1']],
		['no HELP', 2, ['# TYPE a gauge', 'a 1']],
		['a sample before everything', 1, ['a 1', ...gauge('a 2')]],
		['a second HELP', 2, ['# HELP a A.', ...gauge('a 1')]],
		['a second TYPE', 3, gauge('# TYPE a gauge', 'a 1')],
		['a second UNIT', 4, ['# HELP a_b A.', '# TYPE a_b gauge', '# UNIT a_b b', '# UNIT a_b b', 'a_b 1']],
		['a TYPE after samples', 2, ['# HELP a A.', 'a 1', '# TYPE a gauge']],
		['a HELP after samples', 4, gauge('a 1', '# HELP a A.')],
		['an unknown type', 2, ['# HELP a A.', '# TYPE a dial', 'a 1']],
		['a unit that is not in the name', 3, gauge('# UNIT a seconds', 'a 1')],
		['a unit that is only the end of a word', 3, ['# HELP ab A.', '# TYPE ab gauge', '# UNIT ab b', 'ab 1']],
		['a family without samples', 2, gauge()],
		['a family that comes back', 7, [...gauge('a 1'), ...counter('c_total 1'), ...gauge('a{b="c"} 2')]],
		['a sample of the family before', 7, [...gauge('a 1'), ...counter('c_total 1'), 'a{b="c"} 2']],
		['a sample of another name', 3, gauge('b 1')],
		['a gauge with a suffix', 3, gauge('a_total 1')],
		['a counter without _total', 3, counter('c 1')],
		['a counter whose family has _total', 3, ['# HELP c_total C.', '# TYPE c_total counter', 'c_total 1']],
		['a negative counter', 3, counter('c_total -1')],
		['a counter that is no number', 3, counter('c_total NaN')],
		['a duplicate', 4, gauge('a{b="c",d="e"} 1', 'a{d="e",b="c"} 1')],
		[
			'a gauge and a counter of one name',
			6,
			[...counter('c_total 1'), '# HELP c_total C.', '# TYPE c_total gauge', 'c_total 1'],
		],
		[
			'a gauge named like a count',
			8,
			[...histogram('h_bucket{le="+Inf"} 2', ...totals), '# HELP h_count H.', '# TYPE h_count gauge', 'h_count 1'],
		],
		[
			'a gauge named like a creation time',
			6,
			[...counter('c_total 1'), '# HELP c_created C.', '# TYPE c_created gauge', 'c_created 1'],
		],
		['an illegal name', 1, ['# HELP a-b A.', '# TYPE a-b gauge', 'a-b 1']],
		['an illegal label name', 3, gauge('a{b-c="d"} 1')],
		['a reserved label name', 3, gauge('a{__b="d"} 1')],
		['a label twice', 3, gauge('a{b="c",b="d"} 1')],
		['an empty label', 3, gauge('a{b=""} 1')],
		['empty braces', 3, gauge('a{} 1')],
		['a comma after the last label', 3, gauge('a{b="c",} 1')],
		['a space between labels', 3, gauge('a{b="c", d="e"} 1')],
		['a label without quotes', 3, gauge('a{b=c} 1')],
		['a quote inside a label', 3, gauge('a{b="c"d"} 1')],
		['a backslash at the end of a label', 3, gauge('a{b="c\\"} 1')],
		['an unknown escape', 3, gauge('a{b="c\\t"} 1')],
		['a quote in HELP', 1, ['# HELP a "A".', '# TYPE a gauge', 'a 1']],
		['an unknown escape in HELP', 1, ['# HELP a A\\t.', '# TYPE a gauge', 'a 1']],
		['two spaces', 3, gauge('a  1')],
		['a tab', 3, gauge('a\t1')],
		['a space at the end', 3, gauge('a 1 ')],
		['a carriage return', 3, gauge('a 1\r')],
		['a timestamp', 3, gauge('a 1 1700000000')],
		['a number misspelt', 3, gauge('a 1,5')],
		['an infinity misspelt', 3, gauge('a Infinity')],
		['no number', 3, gauge('a undefined')],
		['a histogram without buckets', 4, histogram(...totals)],
		['no +Inf bucket', 5, histogram('h_bucket{le="1.0"} 2', ...totals)],
		['no sum', 4, histogram('h_bucket{le="+Inf"} 2', 'h_count 2')],
		['no count', 4, histogram('h_bucket{le="+Inf"} 2', 'h_sum 2')],
		['a count that is not the +Inf bucket', 5, histogram('h_bucket{le="+Inf"} 3', ...totals)],
		['half an observation', 3, histogram('h_bucket{le="1.0"} 1.5', 'h_bucket{le="+Inf"} 2', ...totals)],
		['a negative sum', 4, histogram('h_bucket{le="+Inf"} 2', 'h_sum -1', 'h_count 2')],
		['buckets that are not cumulative', 6, histogram('h_bucket{le="1.0"} 3', 'h_bucket{le="+Inf"} 2', ...totals)],
		[
			'buckets that do not ascend',
			7,
			histogram('h_bucket{le="2.0"} 1', 'h_bucket{le="1.0"} 1', 'h_bucket{le="+Inf"} 2', ...totals),
		],
		['le as an integer', 6, histogram('h_bucket{le="1"} 1', 'h_bucket{le="+Inf"} 2', ...totals)],
		['le with a zero too many', 6, histogram('h_bucket{le="1.50"} 1', 'h_bucket{le="+Inf"} 2', ...totals)],
		['le that wants an exponent', 6, histogram('h_bucket{le="1000000.0"} 1', 'h_bucket{le="+Inf"} 2', ...totals)],
		['a small le that wants an exponent', 6, histogram('h_bucket{le="0.00005"} 1', 'h_bucket{le="+Inf"} 2', ...totals)],
		['le with a short exponent', 6, histogram('h_bucket{le="1e+6"} 1', 'h_bucket{le="+Inf"} 2', ...totals)],
		['a bucket without le', 3, histogram('h_bucket 2', ...totals)],
		['le on a sum', 4, histogram('h_bucket{le="+Inf"} 2', 'h_sum{le="+Inf"} 1', 'h_count 2')],
		['le on a gauge', 3, gauge('a{le="1.0"} 1')],
		['series that interleave', 5, histogram('h_bucket{le="+Inf"} 2', 'h_bucket{a="b",le="+Inf"} 2', ...totals)],
		['a summary without a sum', 3, ['# HELP s S.', '# TYPE s summary', 's_count 1']],
		['a NUL', 3, gauge('a{b="\0"} 1')],
		['something after the end', 5, gauge('a 1', '# EOF')],
	])('refuses %s', (_, line, lines) => {
		expect(() => parse(`${lines.join('\n')}\n# EOF\n`, 'openmetrics')).toThrow(new RegExp(`^line ${line}: `));
	});

	it.each<[what: string, text: string | Uint8Array, format: 'text' | 'openmetrics']>([
		['a missing end', gauge('a 1', '').join('\n'), 'openmetrics'],
		['an end without a newline', gauge('a 1', '# EOF').join('\n'), 'openmetrics'],
		['a blank line after the end', gauge('a 1', '# EOF', '', '').join('\n'), 'openmetrics'],
		['nothing', '', 'openmetrics'],
		['broken UTF-8', new Uint8Array([0x23, 0x20, 0xff, 0x0a]), 'openmetrics'],
		['a byte order mark', new TextEncoder().encode(`\ufeff${GOOD}`), 'openmetrics'],
		['half a surrogate pair', gauge('a{b="\ud83d"} 1', '# EOF', '').join('\n'), 'openmetrics'],
		['an end in text', `${GOOD_TEXT}# EOF\n`, 'text'],
		['a unit in text', ['# HELP a_b A.', '# TYPE a_b gauge', '# UNIT a_b b', 'a_b 1', ''].join('\n'), 'text'],
		['an escaped quote in the HELP of text', GOOD_TEXT.replaceAll('"done"', '\\"done\\"'), 'text'],
		['a counter of text without _total', counter('c 1', '').join('\n'), 'text'],
		['text that does not end its last line', GOOD_TEXT.trimEnd(), 'text'],
		['OpenMetrics for text', GOOD, 'text'],
		['text for OpenMetrics', `${GOOD_TEXT}# EOF\n`, 'openmetrics'],
	])('refuses %s', (_, text, format) => {
		expect(() => parse(text, format)).toThrow(/^line \d+: |not valid/);
	});
});

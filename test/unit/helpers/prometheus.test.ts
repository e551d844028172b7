import { expect, test } from 'vitest';
import { readExposition } from '../../support/media/prometheus.ts';

test('valid input is parsed', () => {
  const text = '# Paths\n# HELP a b c\n# TYPE a gauge\na{x="1",y="\\\\ \\" \\n",} -1.5e3\na +Inf\n\nb{} NaN\n';
  const { series, types, helps, comments } = readExposition(text, false);
  expect(series).toEqual([
    { name: 'a', labels: { x: '1', y: '\\ " \n' }, value: -1500 },
    { name: 'a', labels: {}, value: Number.POSITIVE_INFINITY },
    { name: 'b', labels: {}, value: Number.NaN },
  ]);
  expect([types.get('a'), helps.get('a'), comments]).toEqual(['gauge', 'b c', ['Paths']]);
});

test.for<[string, string]>([
  ['a line without an end', 'a 1'],
  ['a name with a dash', 'a-b 1\n'],
  ['a label without quotes', 'a{b=1} 1\n'],
  ['a quote inside a label', 'a{b="x"y"} 1\n'],
  ['an escape that there is not', 'a{b="\\t"} 1\n'],
  ['a label twice', 'a{b="1",b="2"} 1\n'],
  ['no value', 'a\n'],
  ['a word as a value', 'a one\n'],
  ['a value in hex', 'a 0x10\n'],
  ['a series twice', 'a{b="1",c="2"} 1\na{c="2",b="1"} 1\n'],
  ['a type after its samples', 'a 1\n# TYPE a gauge\n'],
  ['a type that there is not', '# TYPE a number\na 1\n'],
])('%s is refused', ([, text]) => {
  expect(() => readExposition(text, false)).toThrow();
});

test.for<[string, string]>([
  ['a metric in two places', '# TYPE a gauge\na{x="1"} 1\n# TYPE b gauge\nb 1\na{x="2"} 1\n'],
  ['a metric without a type', 'a 1\n'],
])('%s is refused where all is described', ([, text]) => {
  expect(() => readExposition(text, true)).toThrow();
  expect(() => readExposition(text, false)).not.toThrow();
});

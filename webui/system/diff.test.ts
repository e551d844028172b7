import { expect, test } from 'vitest';
import { diffOf } from './diff.ts';

const SIGNS = { same: ' ', theirs: '-', mine: '+' } as const;
const shown = (before: string, after: string) =>
  diffOf(before, after).map(({ kind, text, line }) => `${line}${SIGNS[kind]}${text}`);

test.for([
  ['nothing', 'a\nb', 'a\nb', []],
  ['a value', 'a\nb: 1\nc', 'a\nb: 2\nc', ['1 a', '2-b: 1', '2+b: 2', '3 c']],
  ['a new line at the end', 'a\n', 'a\nb\n', ['1 a', '2+b', '3 ']],
  ['a line that is gone', 'a\nb\nc', 'a\nc', ['1 a', '2-b', '2 c']],
  ['all of it', 'a', 'b', ['1-a', '1+b']],
  ['an empty text', '', 'a', ['1-', '1+a']],
] as const)('a changed %s is shown', ([, before, after, lines]) => {
  expect(shown(before, after)).toEqual(lines);
});

test('two distant changes have two lines of context each', () => {
  const before = Array.from({ length: 30 }, (_, i) => `line ${i + 1}`);
  const after = before.with(4, 'five').with(24, 'twenty-five');
  expect(shown(before.join('\n'), after.join('\n'))).toEqual([
    ...['3 line 3', '4 line 4', '5-line 5', '5+five', '6 line 6', '7 line 7'],
    ...['23 line 23', '24 line 24', '25-line 25', '25+twenty-five', '26 line 26', '27 line 27'],
  ]);
});

test('a text that is too long to compare is shown whole', () => {
  const lines = (word: string) => Array.from({ length: 3_000 }, (_, i) => `${word} ${i}`).join('\n');
  const diff = diffOf(lines('a'), lines('b'));
  expect(diff.filter(({ kind }) => kind === 'theirs')).toHaveLength(3_000);
  expect(diff.filter(({ kind }) => kind === 'mine')).toHaveLength(3_000);
});

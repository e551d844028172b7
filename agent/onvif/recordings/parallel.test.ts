import { expect, test } from 'vitest';
import { streamsOf } from './parallel.ts';

type Listed = readonly [token: string, from: number, until: number];
const tokensOf = (...all: Listed[]): string[] =>
  streamsOf(all.map(([token, from, until]) => ({ token, name: undefined, fromMs: from, untilMs: until }))).map(
    (stream) => stream.map(({ token }) => token).join(' '),
  );

test('files that follow each other, and overlap by seconds, are one stream', () => {
  expect(tokensOf(['1', 0, 61], ['2', 60, 121], ['3', 120, 180])).toEqual(['1 2 3']);
});

test.for<[string, Listed[], string[]]>([
  [
    'one recording each',
    [
      ['a', 0, 60],
      ['b', 0, 59],
    ],
    ['a', 'b'],
  ],
  [
    'files that the list has in turn',
    [
      ['8', 0, 60],
      ['9', 0, 60],
      ['10', 60, 120],
      ['11', 60, 120],
    ],
    ['8 10', '9 11'],
  ],
  [
    'files with the stream in their names, in any order',
    [
      ['main_1', 0, 60],
      ['sub_1', 0, 60],
      ['sub_2', 60, 120],
      ['main_2', 60, 120],
    ],
    ['sub_1 sub_2', 'main_1 main_2'],
  ],
  [
    'files of different lengths',
    [
      ['1', 0, 120],
      ['2', 0, 60],
      ['3', 60, 120],
      ['4', 120, 240],
      ['5', 120, 180],
    ],
    ['1 4', '2 3 5'],
  ],
])('main and sub stream are separate: %s', ([, all, streams]) => {
  expect(tokensOf(...all)).toEqual(streams);
});

test.for<[string, string[], string[]]>([
  ['two of other names are two streams', ['main_1', 'sub_1', 'main_2'], ['main_1 main_2', 'sub_1']],
  ['many of other names are files', ['ab', 'cd', 'ef', 'gh'], ['ab cd ef gh']],
])('recordings of one source without times: %s', ([, tokens, streams]) => {
  const all = tokens.map((token) => ({ token, name: undefined, fromMs: undefined, untilMs: undefined }));
  expect(streamsOf(all).map((stream) => stream.map(({ token }) => token).join(' '))).toEqual(streams);
});

import { expect, test } from 'vitest';
import { PerchError } from '../../base/errors.ts';
import { queryDuration, queryFormat, queryPath, querySkipsGaps, querySpeed, queryStart, queryTime } from './query.ts';

test.for([
  ['200.5', 200_500_000],
  ['0', 0],
  ['3m20s', 200_000_000],
  ['1h0.5s', 3_600_500_000],
] as const)('a duration of %s is %s µs', ([duration, us]) => {
  expect(queryDuration({ duration })).toBe(us);
});

test.for(['', ' ', '-1', 'abc', '1e99', 'NaN', 'Infinity', '5 minutes'])(
  "a duration of '%s' is rejected",
  (duration) => {
    expect(() => queryDuration({ duration })).toThrow('invalid duration');
  },
);

test('a missing duration or start is rejected', () => {
  expect(() => queryDuration({})).toThrow('invalid duration');
  expect(() => queryStart({})).toThrow('invalid start');
});

test.for([
  ['', 'cannot be empty'],
  ['/cam', "can't begin with a slash"],
  ['cam/', "can't end with a slash"],
  ['../x', "can't contain dot path segments"],
  ['a b', 'can contain only alphanumeric characters'],
  ['~gaps/cam', 'can contain only alphanumeric characters'],
] as const)("the path '%s' is rejected: it %s", ([path, reason]) => {
  expect(() => queryPath({ path })).toThrow(`invalid path name: ${reason}`);
  expect(() => queryPath({ path })).toThrow(PerchError);
});

test('the first of two values counts, and an empty time counts as absent', () => {
  expect(queryPath({ path: ['one', 'two'] })).toBe('one');
  expect(queryTime({ end: '' }, 'end')).toBeUndefined();
  expect(() => queryTime({ end: 'noon' }, 'end')).toThrow("invalid end: 'noon'");
});

test('formats are fmp4, mp4 and the default', () => {
  expect([{}, { format: '' }, { format: 'fmp4' }, { format: 'mp4' }].map(queryFormat)).toEqual([
    'fmp4',
    'fmp4',
    'fmp4',
    'mp4',
  ]);
  expect(() => queryFormat({ format: 'avi' })).toThrow('invalid format: avi');
});

test('gaps end a download unless they are skipped, and other values are rejected', () => {
  expect([querySkipsGaps({}), querySkipsGaps({ gaps: 'end' }), querySkipsGaps({ gaps: 'skip' })]).toEqual([
    false,
    false,
    true,
  ]);
  expect(() => querySkipsGaps({ gaps: 'none' })).toThrow("invalid gaps: 'none'");
});

test.for(['2', '16', '17', '60', '1440'])('a speed of %s is taken', (speed) => {
  expect(querySpeed({ speed })).toBe(Number(speed));
});

test.for(['0', '3', '1441', '-60', '60.5', '1e3', '0x20', '99999'])("a speed of '%s' is rejected", (speed) => {
  expect(() => querySpeed({ speed })).toThrow('no whole number up to 1440');
});

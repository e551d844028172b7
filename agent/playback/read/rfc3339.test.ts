import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { formatRfc3339, parseRfc3339 } from './rfc3339.ts';

const NOON_US = Date.UTC(2026, 6, 1, 12) * 1000;

test.for([
  ['2026-07-01T12:00:00Z', NOON_US, 0],
  ['2026-07-01T14:00:00+02:00', NOON_US, 7_200_000],
  ['2026-07-01T09:30:00.5-02:30', NOON_US + 500_000, -9_000_000],
  ['2026-07-01T12:00:00.000001Z', NOON_US + 1, 0],
  ['1969-12-31T23:59:59.25Z', -750_000, 0],
  ['0001-01-01T00:00:00Z', -62_135_596_800_000_000, 0],
] as const)('%s is read, and written the same', ([text, us, offsetMs]) => {
  expect(parseRfc3339(text)).toEqual({ us, offsetMs });
  expect(formatRfc3339({ us, offsetMs })).toBe(text);
});

test('digits finer than a microsecond are cut off, and a plus sign may have become a blank', () => {
  expect(parseRfc3339('2026-07-01T14:00:00.123456789 02:00')).toEqual({ us: NOON_US + 123_456, offsetMs: 7_200_000 });
});

test.for([
  '',
  '2026-07-01',
  '2026-07-01T12:00:00',
  '2026-07-01 12:00:00Z',
  '2026-02-30T12:00:00Z',
  '2026-07-01T24:00:00Z',
  '2026-07-01T12:60:00Z',
  '2026-07-01T12:00:60Z',
  '2026-07-01T12:00:00+24:00',
  '2026-07-01T12:00:00.Z',
  '2026-07-01T12:00:00.1234567890Z',
])("'%s' is not a time", (text) => {
  expect(parseRfc3339(text)).toBeUndefined();
});

test('any instant in any zone is read back', () => {
  const next = random(21);
  for (let i = 0; i < 3_000; i += 1) {
    const time = { us: Math.floor(next() * 4e15), offsetMs: (Math.floor(next() * 2879) - 1439) * 60_000 };
    expect(parseRfc3339(formatRfc3339(time))).toEqual({ us: time.us, offsetMs: time.offsetMs || 0 });
  }
});

import { expect, test } from 'vitest';
import { PerchError } from '../../base/errors.ts';
import { rangeStartOf } from './range-start.ts';

test.for([
  ['', '', ''],
  ['', 'whatever stood there before', ''],
  ['clock', '20260131T120000Z', '20260131T120000Z'],
  ['npt', '1m30.5s', '90.5'],
  ['npt', '0s', '0'],
  ['npt', '12.25', '12.25'],
  ['npt', '1:02:03.4', '1:02:03.4'],
  ['smpte', '1h2m3s', '01:02:03'],
  ['smpte', '10:07:33:05', '10:07:33:05'],
] as const)('of %s, %j is %j in the Range header', ([type, text, words]) => {
  expect(rangeStartOf(type, text)).toBe(words);
});

test.for([
  ['clock', '2026-01-31'],
  ['clock', ''],
  ['npt', ''],
  ['npt', '5 s'],
  ['npt', '1-\r\nX: y'],
  ['smpte', '10:61:00'],
] as const)('of %s, %j is rejected', ([type, text]) => {
  expect(() => rangeStartOf(type, text)).toThrow(PerchError);
});

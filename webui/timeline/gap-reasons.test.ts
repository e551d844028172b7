import { expect, test } from 'vitest';
import { REASONS } from '../../agent/http/api/recordings/timeline.ts';
import { recordings } from '../words/en/recordings.ts';
import { cardSourceText, gapReasonText, reasonOf } from './gap-reasons.ts';

const S = 1_000;
const lasting = (reason: string, fromS: number, toS: number) => ({ reason, startMs: fromS * S, endMs: toS * S });

test.for([
  ['the only one', [lasting('offline', 100, 160)], 'offline'],
  ['the one that lasts longest', [lasting('offline', 100, 110), lasting('boxOff', 110, 160)], 'boxOff'],
  [
    'what comes back and back',
    [lasting('offline', 100, 120), lasting('paused', 120, 140), lasting('offline', 140, 155)],
    'offline',
  ],
  ['one that is some seconds off', [lasting('offline', 115, 150)], 'offline'],
  ['none when it explains the end alone', [lasting('paused', 158, 300)], undefined],
  [
    'one within the gap rather than one next to it',
    [lasting('offline', 50, 99), lasting('paused', 130, 131)],
    'paused',
  ],
  ['none when it was long ago', [lasting('offline', 10, 70)], undefined],
] as const)('the reason of a gap is %s', ([, reasons, reason]) => {
  expect(reasonOf(reasons, 100 * S, 160 * S)).toBe(reason);
});

test.for(REASONS)('%s has a text', (reason) => {
  expect(gapReasonText(reason, recordings)).toBeTypeOf('string');
});

test('an unknown reason has no text', () => {
  expect(gapReasonText('boxOff', recordings)).toBe('box was off');
  expect(gapReasonText('eaten', recordings)).toBeUndefined();
  expect(gapReasonText(undefined, recordings)).toBeUndefined();
});

test('a moment that was fetched names the card, and what had been in the way, and one that was imported says so', () => {
  const lane = {
    fetched: Float64Array.of(100 * S, 160 * S),
    imported: Float64Array.of(160 * S, 190 * S),
    reasons: [lasting('offline', 98, 130)],
  };
  const textAt = (second: number) => cardSourceText(lane, second * S, recordings);
  expect(textAt(110)).toBe(recordings.fromCardFor(recordings.gapOffline));
  expect(textAt(158)).toBe(recordings.fromCard);
  expect(textAt(161)).toBe(recordings.imported);
  expect([textAt(99), textAt(191)]).toEqual([undefined, undefined]);
});

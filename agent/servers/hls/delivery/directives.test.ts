import { expect, test } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import type { PerchError } from '../../../base/errors.ts';
import type { MediaPlaylist, PartLine, SegmentLine } from '../contracts/hls-muxer.ts';
import { parseDirectives, standingOf } from './directives.ts';

const parts = (count: number): PartLine[] =>
  Array.from({ length: count }, (_, i) => ({ name: `part${i}`, durationS: 0.2, isIndependent: i === 0 }));

const segment = (number: number, count: number): SegmentLine => ({
  number,
  name: `seg${number}`,
  durationS: 1,
  wallMs: 0,
  init: { name: 'init' },
  isDiscontinuity: false,
  isIndependent: true,
  isGap: false,
  parts: parts(count),
});

/** Segments 3 to 5 of five parts each, and two parts of segment 6. */
const playlist: MediaPlaylist = {
  targetDurationS: 2,
  partTargetS: 0.2,
  discontinuitySequence: 0,
  segments: [segment(3, 0), segment(4, 5), segment(5, 5)],
  running: {
    number: 6,
    wallMs: 0,
    init: { name: 'init' },
    isDiscontinuity: false,
    parts: parts(2),
    nextPartName: 'part2',
  },
};

test.for([
  ['nothing', undefined, undefined, 'there'],
  ['a segment that has left the list', 0, undefined, 'there'],
  ['the last whole segment', 5, undefined, 'there'],
  ['the running segment as a whole', 6, undefined, 'soon'],
  ['the segment after it', 7, undefined, 'soon'],
  ['one more', 8, undefined, 'tooFar'],
  ['a part of an old segment', 4, 9, 'there'],
  ['the last part of the last segment', 5, 4, 'there'],
  ['a part that the last segment did not get, which is the first of the running one', 5, 5, 'there'],
  ['a part that there is', 6, 1, 'there'],
  ['the next part', 6, 2, 'soon'],
  ['the last part within three seconds', 6, 16, 'soon'],
  ['the first one beyond', 6, 17, 'tooFar'],
  ['the first part of the next segment', 7, 0, 'soon'],
  ['a part of the next segment beyond three seconds', 7, 15, 'tooFar'],
  ['a part of the one after', 8, 0, 'tooFar'],
] as const)('the request for %s (segment %s, part %s) is %s', ([, msn, part, standing]) => {
  expect(standingOf(playlist, { msn, part })).toBe(standing);
});

test('while the running segment has no part yet, a part too many of the last one is waited for', () => {
  const running = playlist.running && { ...playlist.running, parts: [] };
  expect(standingOf({ ...playlist, running }, { msn: 5, part: 5 })).toBe('soon');
  expect(standingOf({ ...playlist, running }, { msn: 5, part: 4 })).toBe('there');
});

test('a playlist that offers no parts is never waited for: it does not say that it could be', () => {
  const whole = { ...playlist, partTargetS: undefined, running: undefined };
  expect(standingOf(whole, { msn: 50, part: 3 })).toBe('there');
});

test('before the first segment the first ones are waited for', () => {
  const begun = {
    ...playlist,
    segments: [],
    running: playlist.running && { ...playlist.running, number: 0, parts: [] },
  };
  expect(standingOf(begun, { msn: 0, part: 0 })).toBe('soon');
  expect(standingOf(begun, { msn: 2, part: 0 })).toBe('tooFar');
});

test.for([
  [{}, { msn: undefined, part: undefined, skip: 'no' }],
  [
    { _HLS_msn: '7', _HLS_part: '0' },
    { msn: 7, part: 0, skip: 'no' },
  ],
  [{ _HLS_skip: 'YES' }, { msn: undefined, part: undefined, skip: 'yes' }],
  [{ _HLS_skip: 'v2' }, { msn: undefined, part: undefined, skip: 'v2' }],
  [{ _HLS_skip: 'maybe' }, { msn: undefined, part: undefined, skip: 'no' }],
] as const)('%o is read', ([query, directives]) => {
  expect(parseDirectives(query)).toEqual(directives);
});

test.for([
  [{ _HLS_part: '1' }, '_HLS_part without _HLS_msn: a part is one of a segment'],
  [{ _HLS_msn: 'x' }, "_HLS_msn is 'x': it takes a whole number"],
  [{ _HLS_msn: '-1' }, "_HLS_msn is '-1': it takes a whole number"],
  [{ _HLS_msn: '1', _HLS_part: '1.5' }, "_HLS_part is '1.5': it takes a whole number"],
  [{ _HLS_msn: ['1', '2'] }, "_HLS_msn is '1,2': it takes a whole number"],
  [{ _HLS_msn: '9'.repeat(400) }, `_HLS_msn is '${'9'.repeat(40)}': it takes a whole number`],
] as const)('%o is refused', ([query, message]) => {
  expect(() => parseDirectives(query)).toThrow(message);
});

test('any directive is accepted or rejected as bad input', () => {
  const next = random(41);
  const value = () => ['', '0', '5', '7', '12345678901234567', '1e3', 'NaN', ' 1', '0x1', 'é'][Math.floor(next() * 10)];
  for (let i = 0; i < 500; i += 1) {
    const query = { _HLS_msn: value(), ...(next() < 0.7 ? { _HLS_part: value() } : {}), _HLS_skip: value() };
    try {
      expect(['there', 'soon', 'tooFar']).toContain(standingOf(playlist, parseDirectives(query)));
    } catch (error) {
      expect((error as PerchError).code, String(error)).toBe('badInput');
    }
  }
});

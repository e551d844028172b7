import { expect, test } from 'vitest';
import type { MediaPlaylist, SegmentLine } from '../contracts/hls-muxer.ts';
import { ChromiumCompat, isChromiumPlayer } from './chromium-compat.ts';

/** One letter a segment. `K`: begins with a key picture, `-`: does not, `D`: does, after a discontinuity. */
function playlist(kinds: string, firstNumber = 0, durationS = 1): MediaPlaylist {
  const segments = [...kinds].map(
    (kind, i): SegmentLine => ({
      number: firstNumber + i,
      name: `s${firstNumber + i}`,
      durationS,
      wallMs: 0,
      init: { name: 'i' },
      isDiscontinuity: kind === 'D',
      isIndependent: kind !== '-',
      isGap: false,
      parts: [{ name: 'p', durationS, isIndependent: kind !== '-' }],
    }),
  );
  return { targetDurationS: 10, partTargetS: 0.2, discontinuitySequence: 0, segments, running: undefined };
}

const numbersOf = (served: MediaPlaylist | undefined): number[] | undefined =>
  served?.segments.map(({ number }) => number);

test.for([
  ['three that begin with key pictures', 'KKKKK', 1, [2, 3, 4]],
  ['three of a long group of which the newest cannot be begun with', 'K------', 1, [0, 1, 2]],
  ['the newest key picture with enough after it', 'K--K--K-', 1, [3, 4, 5]],
  ['two, where those are more than it loads before it plays', 'KK', 6, [0, 1]],
] as const)('it begins with %s', ([, kinds, durationS, expected]) => {
  const leading = playlist(kinds, 0, durationS);
  expect(numbersOf(new ChromiumCompat().next('video1', leading, leading))).toEqual(expected);
});

test.for([
  ['there are two short segments', 'KK'],
  ['nothing begins with a key picture', '-----'],
] as const)('it waits while %s', ([, kinds]) => {
  const leading = playlist(kinds);
  expect(new ChromiumCompat().next('video1', leading, leading)).toBeUndefined();
});

test('it waits for a new list, and misses no segment meanwhile', () => {
  const list = new ChromiumCompat();
  const late = playlist('K-------');
  expect(numbersOf(list.next('video1', late, late))).toEqual([0, 1, 2]);
  expect(numbersOf(list.next('video1', late, late))).toEqual([0, 1, 2, 3, 4, 5]);
  expect(numbersOf(list.next('video1', late, late))).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(list.next('video1', late, late)).toBeUndefined();
  const next = playlist('K--------');
  expect(numbersOf(list.next('video1', next, next))?.at(-1)).toBe(8);
});

test('audio starts with the video, though it could start anywhere', () => {
  const list = new ChromiumCompat();
  const [video, sound] = [playlist('K------'), playlist('KKKKKKK')];
  expect(numbersOf(list.next('video1', video, video))).toEqual([0, 1, 2]);
  expect(numbersOf(list.next('audio2', sound, video))).toEqual([0, 1, 2]);
});

test('late audio starts with its first segment', () => {
  const list = new ChromiumCompat();
  expect(numbersOf(list.next('audio2', playlist('KKK', 5), playlist('K-------')))).toEqual([5]);
});

test('a player that returns from a pause gets the segments still listed', () => {
  const list = new ChromiumCompat();
  const [before, after] = [playlist('KKK'), playlist('KKKKKKK', 60)];
  list.next('video1', before, before);
  expect(numbersOf(list.next('video1', after, after))).toEqual([60, 61, 62]);
});

test('the list has no parts, and discontinuities before its first segment are counted', () => {
  const leading = playlist('KDKDKK');
  const served = new ChromiumCompat().next('video1', leading, leading);
  expect(served).toMatchObject({ partTargetS: undefined, running: undefined, discontinuitySequence: 2 });
  expect(served?.segments.flatMap(({ parts }) => parts)).toEqual([]);
});

test.for([
  ['gzip, identity;q=1, *;q=0', true],
  ['identity;q=1, *;q=0', true],
  ['gzip, deflate, br, zstd', false],
  ['identity', false],
  [undefined, false],
] as const)('Accept-Encoding %s is that of the player itself: %s', ([encoding, expected]) => {
  expect(isChromiumPlayer({ headers: { 'accept-encoding': encoding } })).toBe(expected);
});

import { expect, test } from 'vitest';
import type { MediaPlaylist, PartLine } from '../contracts/hls-muxer.ts';
import { startOffsetS } from './write-media.ts';

/** `K`: begins with a key picture, `-`: does not. */
type Kind = 'K' | '-';

const partsOf = (kinds: string): PartLine[] =>
  [...kinds].map((kind) => ({ name: 'p', durationS: 0.2, isIndependent: kind === 'K' }));

function playlist(segments: readonly (readonly [Kind, number])[], parts: string, partTargetS?: number): MediaPlaylist {
  const init = { name: 'i' };
  const common = { name: 's', wallMs: 0, init, isDiscontinuity: false, isGap: false, parts: [] };
  const isLowLatency = partTargetS !== undefined;
  const running = { number: 9, wallMs: 0, init, isDiscontinuity: false, parts: partsOf(parts), nextPartName: 'n' };
  return {
    targetDurationS: 10,
    partTargetS,
    discontinuitySequence: 0,
    segments: segments.map(([kind, durationS], i) => ({
      ...common,
      number: i,
      durationS,
      isIndependent: kind === 'K',
    })),
    running: isLowLatency ? running : undefined,
  };
}

test.for([
  ['the running segment begins with a key picture', [['K', 1]], 'K----'],
  ['the last segment does, and the end is near it and will be', [['K', 4]], '-'],
  ['the last segment and the running one do', [['K', 4]], 'K--'],
  [
    'a running segment has just begun',
    [
      ['K', 1],
      ['K', 1],
    ],
    '',
  ],
  ['nothing begins with a key picture', [['-', 1]], '-----'],
  [
    'they begin in a segment that does, before a short one',
    [
      ['K', 3],
      ['K', 0.2],
    ],
    '-',
  ],
] as const)('players begin where they like when %s', ([, segments, parts]) => {
  expect(startOffsetS(playlist(segments, parts, 0.216))).toBeUndefined();
});

test.for([
  [
    'the running one does not',
    [
      ['K', 1],
      ['K', 4],
    ],
    '-----',
    -1.3,
  ],
  [
    'neither the running one nor the last one does',
    [
      ['K', 1],
      ['-', 4],
    ],
    '-----',
    -5.3,
  ],
  [
    'the last one does not, though the running one does',
    [
      ['K', 3],
      ['-', 1],
    ],
    'K',
    -1.5,
  ],
  [
    'the only one that does is very short',
    [
      ['K', 0.2],
      ['-', 1],
    ],
    '--',
    -1.5,
  ],
] as const)('players start at the end of a segment with a key picture when %s', ([, segments, parts, expected]) => {
  expect(startOffsetS(playlist(segments, parts, 0.216))).toBeCloseTo(expected, 6);
});

test('players that start in the last segment get its offset before the next part moves their start', () => {
  expect(startOffsetS(playlist([['K', 4]], '--', 0.216))).toBeCloseTo(-0.7, 6);
  expect(startOffsetS(playlist([['K', 4]], '---', 0.216))).toBeCloseTo(-0.9, 6);
});

test('players without parts start far enough from the end and need no hint', () => {
  expect(
    startOffsetS(
      playlist(
        [
          ['K', 1],
          ['-', 4],
        ],
        '',
      ),
    ),
  ).toBeUndefined();
});

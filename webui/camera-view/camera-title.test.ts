import { expect, test } from 'vitest';
import type { CameraState } from '../cameras/state.ts';
import { pictureTime } from './camera-title.tsx';

const NOW_MS = 1_000_000;

test.for([
  ['is live', { kind: 'live' }, 200, { atMs: 999_800 }],
  ['is late, and its age is shown already', { kind: 'late', seconds: 4 }, 4_200, { atMs: 995_800 }],
  ['has halted for long', { kind: 'reconnecting' }, 23_400, { ageS: 23 }],
  ['has halted for minutes', { kind: 'reconnecting' }, 100_000, { atMs: 900_000 }],
  ['is offline, which has its own time', { kind: 'offline' }, 5_000, undefined],
  ['is paused', { kind: 'paused' }, 5_000, undefined],
] as const satisfies readonly (readonly [string, CameraState, number, object | undefined])[])(
  'the time of a picture that %s',
  ([, state, ageMs, expected]) => {
    expect(pictureTime(state, NOW_MS - ageMs, NOW_MS)).toEqual(expected);
  },
);

test('without a picture there is no time', () => {
  expect(pictureTime({ kind: 'live' }, 0, NOW_MS)).toBeUndefined();
});

import { afterEach, expect, test } from 'vitest';
import type { ReviewCamera } from '../api-client/recordings/reviews.ts';
import { resetView, scrub, seek, setMoment } from '../timeline/view.ts';
import { afterwards, nextOf } from './card-playback.tsx';

const camera = (path: string, startMs: number, endMs: number | undefined): ReviewCamera => ({
  ...{ path, startMs, endMs },
  types: ['person'],
});
const CARD = [camera('door', 100_000, 110_000), camera('yard', 105_000, 120_000)];

afterEach(resetView);

/** Plays the first camera of a card. */
function playing(cameras: () => readonly ReviewCamera[] = () => CARD) {
  const gone: (readonly [string, number])[] = [];
  seek(97_000, true);
  const stop = afterwards(cameras, 'door', (...to) => gone.push(to));
  return {
    after: async (...steps: (() => void)[]) => {
      for (const step of steps) {
        step();
      }
      await Promise.resolve();
      stop();
      return gone;
    },
  };
}

const to = (ms: number) => () => setMoment(ms);
const seekTo = (ms: number) => () => seek(ms);
const GONE = [['yard', 102_000]];

test('playback goes on to the next camera two seconds after the end', async () => {
  expect(await playing().after(to(98_000), to(111_900))).toEqual([]);
  expect(await playing().after(to(98_000), to(111_900), to(112_100), to(112_300))).toEqual(GONE);
});

test('a seek or scrub past the end is not playback to the end', async () => {
  expect(await playing().after(to(98_000), seekTo(115_000), to(115_200), to(116_000))).toEqual([]);
  expect(
    await playing().after(
      () => scrub(105_000),
      () => scrub(113_000),
      seekTo(113_000),
      to(113_100),
    ),
  ).toEqual([]);
  // Back within, and played from there.
  expect(await playing().after(seekTo(115_000), to(115_200), seekTo(109_000), to(109_100), to(112_100))).toEqual(GONE);
});

test('the end of a card that continued becomes known while it plays', async () => {
  let endMs: number | undefined;
  const { after } = playing(() => [camera('door', 100_000, endMs), camera('yard', 105_000, undefined)]);
  const end = () => {
    endMs = 110_000;
  };
  expect(await after(to(109_000), to(114_000), end, to(114_200))).toEqual(GONE);
});

test('the cameras in sync are those that follow, and none for a camera that is not of the card', () => {
  expect(nextOf(['a', 'b', 'c', 'd'], 'c')).toEqual(['d', 'a', 'b']);
  expect(nextOf(['a', 'b'], 'z')).toEqual([]);
});

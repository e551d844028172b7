import { expect, test } from 'vitest';
import { LiveEdgeController, type PlaybackCorrection } from './live-edge.ts';

const PICTURE_S = 0.04;
/** The camera's clock is the page's: what is shown at `nowS` cannot be newer. */
const START_S = 100;

/** A camera of 25 pictures a second that has sent steadily for some seconds: buffered up to its clock. @returns when that was */
function steady(edge: LiveEdgeController, fromS = START_S, pictures = 500): number {
  for (let i = 0; i <= pictures; i += 1) {
    edge.onArrival(fromS + i * PICTURE_S, (fromS + i * PICTURE_S) * 1000);
  }
  return fromS + pictures * PICTURE_S;
}

/** How far behind the camera's clock it wants to be: where it would jump from far behind. */
function lagS(edge: LiveEdgeController, nowS: number): number {
  const steering = edge.steer(nowS - 60, [[0, nowS]], nowS * 1000);
  return 'seekToS' in steering ? nowS - steering.seekToS : Number.NaN;
}

const rateOf = (steering: PlaybackCorrection): number => ('rate' in steering ? steering.rate : Number.NaN);

test('the buffer covers the latest recent arrival, with a margin', () => {
  const edge = new LiveEdgeController();
  const nowS = steady(edge);
  expect(lagS(edge, nowS)).toBeCloseTo(0.18);
  // Nothing for 0.4 s, then half of the media, then the rest: the delay counts, not the length of the pause.
  edge.onArrival(nowS + 0.2, (nowS + 0.4) * 1000);
  edge.onArrival(nowS + 0.45, (nowS + 0.45) * 1000);
  expect(lagS(edge, nowS + 0.45)).toBeCloseTo(0.4 + 0.14);
});

test('an overdue arrival counts before it arrives', () => {
  const edge = new LiveEdgeController();
  const endS = steady(edge);
  const steering = edge.steer(endS - 60, [[0, endS]], (endS + 0.5) * 1000);
  expect(steering).toEqual({ seekToS: expect.closeTo(endS - 0.14) });
});

test('a late arrival is forgotten after some seconds, with long groups after a whole group', () => {
  for (const [groupS, isRemembered] of [
    [1, false],
    [10, true],
  ] as const) {
    const edge = new LiveEdgeController();
    let nowS = steady(edge);
    edge.onKey((nowS - groupS) * 1000);
    edge.onKey(nowS * 1000);
    edge.onArrival(nowS + 0.3, (nowS + 0.3) * 1000);
    nowS = steady(edge, nowS + 0.3, 9 / PICTURE_S);
    expect(lagS(edge, nowS) > 0.4).toBe(isRemembered);
    nowS = steady(edge, nowS, 25 / PICTURE_S);
    expect(lagS(edge, nowS)).toBeCloseTo(0.18);
  }
});

test('a camera with one frame in two seconds plays with at most 1.5 s buffered', () => {
  const edge = new LiveEdgeController();
  for (const nowS of [2, 4, 6]) {
    edge.onArrival(nowS, nowS * 1000);
  }
  expect(lagS(edge, 6)).toBe(1.5);
});

test('the rate follows the buffer, and ignores small deviations', () => {
  const edge = new LiveEdgeController();
  const nowS = steady(edge);
  const liveS = nowS - lagS(edge, nowS);
  const rateAt = (behindS: number) => rateOf(edge.steer(liveS - behindS, [[0, nowS]], nowS * 1000));
  expect([0, 0.1, -0.05].map(rateAt)).toEqual([1, 1, 1]);
  // A correction that has begun continues to its end.
  expect([0.13, 0.03, 0, 0.1].map(rateAt)).toEqual([1.05, 1.05, 1, 1]);
  expect([0.4, 0.2, 0.03].map(rateAt)).toEqual([1.1, 1.05, 1.05]);
  expect(rateAt(2)).toBe(1.25);
  expect([-0.07, -0.02, 0, -0.05].map(rateAt)).toEqual([0.95, 0.95, 1, 1]);
  // As much as there is: nothing is left but the next picture.
  edge.onStall(0.1, nowS * 1000);
  edge.onStall(0.1, nowS * 1000);
  expect(rateAt(-0.07)).toBe(0.9);
});

test('audio is stretched only with enough buffered', () => {
  const edge = new LiveEdgeController();
  edge.hasSound = true;
  const nowS = steady(edge);
  const rateAt = (inHandS: number) => rateOf(edge.steer(nowS - inHandS, [[0, nowS]], nowS * 1000));
  expect([0.35, 0.32, 0.29, 0.2, 0.1].map(rateAt)).toEqual([1.05, 1.05, 1, 1, 1]);
  // A late arrival raises the wanted buffer above what there is.
  edge.onArrival(nowS + 0.9, (nowS + 0.9) * 1000);
  const slower = (inHandS: number) => edge.steer(nowS + 0.9 - inHandS, [[0, nowS + 0.9]], (nowS + 0.9) * 1000);
  expect([0.5, 0.2].map((inHandS) => rateOf(slower(inHandS)))).toEqual([0.9, 1]);
});

test('far behind live it seeks, and never beyond the buffer', () => {
  const edge = new LiveEdgeController();
  const nowS = steady(edge);
  const steer = (positionS: number, startS = 0) =>
    edge.steer(
      positionS,
      [
        [0, 50],
        [startS, nowS],
      ],
      nowS * 1000,
    );
  expect(steer(nowS - 5)).toEqual({ seekToS: expect.closeTo(nowS - 0.18) });
  expect(steer(nowS - 5, nowS - 0.1)).toEqual({ seekToS: nowS - 0.1 });
  // The buffer there has been discarded.
  expect(steer(nowS + 1)).toEqual({ seekToS: expect.closeTo(nowS - 0.18) });
});

test('playback continues after a gap', () => {
  const edge = new LiveEdgeController();
  const nowS = steady(edge);
  const steer = (positionS: number) =>
    edge.steer(
      positionS,
      [
        [0, nowS - 2],
        [nowS - 1, nowS],
      ],
      nowS * 1000,
    );
  expect(steer(nowS - 2.5)).toEqual({ rate: 1.25 });
  expect(steer(nowS - 2.02)).toEqual({ seekToS: nowS - 1 });
  expect(steer(nowS - 1.5)).toEqual({ seekToS: nowS - 1 });
});

test('a stall increases the buffer for a while', () => {
  const edge = new LiveEdgeController();
  const nowS = steady(edge);
  edge.onStall(0, nowS * 1000);
  expect(lagS(edge, nowS)).toBeCloseTo(0.18);
  edge.onStall(0.1, nowS * 1000);
  expect(lagS(edge, nowS)).toBeCloseTo(0.26);
  const laterS = steady(edge, nowS, 21 / PICTURE_S);
  expect(lagS(edge, laterS)).toBeCloseTo(0.18);
});

import { expect, test } from 'vitest';
import { LiveEdge } from './live-edge.ts';

/** A camera of 25 pictures a second that has played steadily for some seconds. */
function steady(): LiveEdge {
  const edge = new LiveEdge();
  for (let i = 1; i <= 250; i += 1) {
    edge.onArrival(i * 0.04, i * 40);
  }
  return edge;
}

test('as much stays buffered as the longest pause lately, and a little more', () => {
  const edge = steady();
  expect(edge.targetS).toBeCloseTo(0.12);
  edge.onArrival(10.4, 10_400);
  expect(edge.targetS).toBeCloseTo(0.48);
});

test('a long pause is forgotten after some seconds without another', () => {
  const edge = steady();
  edge.onArrival(10.4, 10_400);
  for (let i = 1; i <= 250; i += 1) {
    edge.onArrival(10.4 + i * 0.04, 10_400 + i * 40);
  }
  expect(edge.targetS).toBeCloseTo(0.12);
});

test('a camera with one picture in two seconds is played without holding more than 1.5 s', () => {
  const edge = new LiveEdge();
  edge.onArrival(2, 2_000);
  edge.onArrival(4, 4_000);
  expect(edge.targetS).toBe(1.5);
});

test('it goes on gently when it is a little behind, faster when it is more, and stops when it is there', () => {
  const edge = steady();
  const rateAt = (positionS: number) => edge.steer(positionS, [[0, 10]]);
  expect(rateAt(9.9)).toEqual({ rate: 1 });
  expect(rateAt(9.75)).toEqual({ rate: 1.05 });
  expect(rateAt(9.83)).toEqual({ rate: 1.05 });
  expect(rateAt(9.87)).toEqual({ rate: 1 });
  expect(rateAt(9.5)).toEqual({ rate: 1.1 });
  expect(rateAt(8)).toEqual({ rate: 1.25 });
});

test('it jumps close behind live when it is far behind, and never before what is buffered newest', () => {
  const edge = steady();
  expect(edge.steer(5, [[0, 10]])).toEqual({ seekToS: 10 - edge.targetS });
  const behindGap: [number, number][] = [
    [0, 6],
    [9.95, 10],
  ];
  expect(edge.steer(5, behindGap)).toEqual({ seekToS: 9.95 });
  // What was buffered there has been thrown away.
  expect(edge.steer(11, [[0, 10]])).toEqual({ seekToS: 10 - edge.targetS });
});

test('it plays up to a gap and goes on behind it', () => {
  const edge = steady();
  const ranges: [number, number][] = [
    [0, 8],
    [9, 10],
  ];
  expect(edge.steer(7.5, ranges)).toEqual({ rate: 1.25 });
  expect(edge.steer(7.98, ranges)).toEqual({ seekToS: 9 });
  expect(edge.steer(8.5, ranges)).toEqual({ seekToS: 9 });
});

test('where it stumbles more stays buffered for a while', () => {
  const edge = steady();
  const before = edge.targetS;
  edge.onStumble(10_000);
  expect(edge.targetS).toBeCloseTo(before + 0.08);
  for (let i = 1; i <= 500; i += 1) {
    edge.onArrival(10 + i * 0.04, 10_000 + i * 40);
  }
  expect(edge.targetS).toBeCloseTo(before);
});

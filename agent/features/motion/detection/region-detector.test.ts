import { expect, test } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import { BlockField } from '../../../picture/block-reader.ts';
import type { Polygon } from './block-areas.ts';
import { type MotionRules, RegionDetector } from './region-detector.ts';

const FRAME_MS = 100;
const [COLUMNS, ROWS] = [20, 12];
const ALL: MotionRules = { sensitivity: 50, zones: [], masks: [], minSize: 0 };

/** From one column to another, from top to bottom. */
const strip = (from: number, to: number): Polygon => [
  [from / COLUMNS, 0],
  [to / COLUMNS, 0],
  [to / COLUMNS, 1],
  [from / COLUMNS, 1],
];

/** A stream of pictures whose blocks cost what the test says. */
class Scene {
  readonly field = new BlockField(16 * COLUMNS, 16 * ROWS);
  readonly detector = new RegionDetector(this.field, 16 * COLUMNS, 16 * ROWS);
  readonly #next = random(4);
  #timeMs = 0;

  /** @param cost of a block, besides noise. @returns seconds at which motion began or ended */
  film(seconds: number, cost: (column: number, row: number, second: number) => number = () => 0): number[] {
    const { field, detector } = this;
    const turns: number[] = [];
    for (let i = 0; i < (seconds * 1000) / FRAME_MS; i += 1) {
      for (let block = 0; block < field.bits.length; block += 1) {
        const noise = this.#next() < 0.1 ? 20 + 40 * this.#next() : 0;
        const more = cost(block % COLUMNS, Math.floor(block / COLUMNS), (i * FRAME_MS) / 1000);
        field.bits[block] = noise + more;
        field.qps[block] = 26;
      }
      if (detector.add(this.#timeMs)) {
        turns.push((i * FRAME_MS) / 1000);
      }
      this.#timeMs += FRAME_MS;
    }
    return turns;
  }
}

/** Two blocks wide and three high, at a place that moves. */
const walker = (fromColumn: number, fromRow: number, byX: number, byY: number) => {
  const place = (from: number, by: number, second: number) => Math.floor(from + by * second);
  return (column: number, row: number, second: number) => {
    const [x, y] = [place(fromColumn, byX, second), place(fromRow, byY, second)];
    return column >= x && column < x + 2 && row >= y && row < y + 3 ? 200 : 0;
  };
};

test('noise is no motion; neighbours that cost more in several pictures are, until they rest', () => {
  const scene = new Scene();
  expect(scene.film(60)).toEqual([]);
  expect(scene.detector.score).toBeLessThan(0.3);
  const [begun = Number.NaN, ...more] = scene.film(4, walker(3, 4, 2, 0));
  expect(begun).toBeGreaterThanOrEqual(0.2);
  expect(begun).toBeLessThanOrEqual(0.5);
  expect(more).toEqual([]);
  const [ended = Number.NaN] = scene.film(10);
  expect(ended).toBeGreaterThan(1.9);
  expect(ended).toBeLessThan(2.7);
});

test.for([
  ['right', walker(2, 4, 2, 0), { x: 0.1, y: 0.333, width: 0.5, height: 0.25 }],
  ['left', walker(15, 4, -2, 0), { x: 0.4, y: 0.333, width: 0.45, height: 0.25 }],
  ['down', walker(5, 1, 0, 1), { x: 0.25, y: 0.083, width: 0.1, height: 0.5 }],
  ['up', walker(5, 8, 0, -1), { x: 0.25, y: 0.417, width: 0.1, height: 0.5 }],
  [undefined, walker(5, 8, 0, 0), { x: 0.25, y: 0.667, width: 0.1, height: 0.25 }],
] as const)('area and direction of a walk: %s', ([direction, cost, area]) => {
  const scene = new Scene();
  scene.film(30);
  scene.film(4, cost);
  const found = scene.detector.area;
  expect(found.direction).toBe(direction);
  // To a block.
  for (const key of ['x', 'y', 'width', 'height'] as const) {
    expect(Math.abs(found[key] - area[key]), key).toBeLessThan(0.1);
  }
});

test('blocks that always cost much, and one picture of them all, are no motion', () => {
  const scene = new Scene();
  const leaves = (column: number, row: number, second: number) =>
    column < 5 && row < 4 ? 100 + 60 * Math.sin(7 * second + column) : 0;
  expect(scene.film(60, leaves)).toEqual([]);
  const flash = (column: number, row: number, second: number) => leaves(column, row, second) + (second < 0.5 ? 400 : 0);
  expect(scene.film(10, flash)).toEqual([]);
  expect(scene.film(10, leaves)).toEqual([]);
  expect(scene.film(4, walker(10, 4, 2, 0))).toHaveLength(1);
});

test('drops that fall all over the picture are no motion once they are known, and a person in them is', () => {
  const scene = new Scene();
  const next = random(5);
  const rain = () => (next() < 0.12 ? 100 + 600 * next() ** 3 : 0);
  scene.film(60, rain);
  expect(scene.film(120, rain)).toEqual([]);
  const person = walker(3, 4, 2, 0);
  expect(scene.film(4, (column, row, second) => 4 * person(column, row, second) + rain())).toHaveLength(1);
});

test('the zones that something comes into are known, each from then on, until the next motion', () => {
  const scene = new Scene();
  scene.detector.rules = { ...ALL, zones: [strip(0, 6), strip(6, 12), strip(5, 6), strip(15, 20)] };
  scene.film(30);
  const seen: number[] = [];
  const person = walker(3, 4, 2, 0);
  scene.film(4, (column, row, second) => {
    if (seen.at(-1) !== scene.detector.zones) {
      seen.push(scene.detector.zones);
    }
    return person(column, row, second);
  });
  expect(seen).toEqual([0b000, 0b001, 0b101, 0b111]);
  scene.film(10);
  expect(scene.detector.zones).toBe(0b111);
  scene.film(2, walker(16, 4, 0, 0));
  expect(scene.detector.zones).toBe(0b1000);
});

test('after a restart, motion has been only where it is', () => {
  const scene = new Scene();
  scene.detector.rules = { ...ALL, zones: [strip(0, 6), strip(6, 20)] };
  scene.film(30);
  scene.film(4, walker(3, 4, 2, 0));
  expect(scene.detector.area).toMatchObject({ direction: 'right' });
  expect([scene.detector.zones, scene.detector.restart()]).toEqual([0b11, true]);
  const { x, width, direction, peakMs } = scene.detector.area;
  expect([scene.detector.zones, direction, peakMs]).toEqual([0b10, undefined, 33_900]);
  expect(x).toBeGreaterThan(0.4);
  expect(width).toBeLessThan(0.2);
  // It lasts two seconds longer than what moves.
  scene.film(1.5);
  expect([scene.detector.isMoving, scene.detector.restart()]).toEqual([true, false]);
});

test('the time at which most of it moved is known, of the present motion or the last', () => {
  const scene = new Scene();
  scene.film(30);
  // For a second it is larger, two seconds after it has begun.
  const person = walker(3, 4, 1, 0);
  scene.film(5, (column, row, second) =>
    second >= 2 && second < 3
      ? person(column, row, second) + walker(3, 7, 1, 0)(column, row, second)
      : person(column, row, second),
  );
  expect(scene.detector.area.peakMs).toBeGreaterThanOrEqual(32_000);
  expect(scene.detector.area.peakMs).toBeLessThanOrEqual(33_100);
  scene.film(10);
  scene.film(3, walker(10, 4, 0, 0));
  expect(scene.detector.area.peakMs).toBeGreaterThan(45_000);
});

test('a sensitivity of 0 takes what one of 100 does not', () => {
  const small = (column: number, row: number) => (column === 4 && row < 3 ? 120 : 0);
  for (const [sensitivity, turns] of [
    [100, 1],
    [0, 0],
  ] as const) {
    const scene = new Scene();
    scene.detector.rules = { ...ALL, sensitivity };
    scene.film(30);
    expect(scene.film(3, small)).toHaveLength(turns);
  }
});

test('any field leaves the score finite and the area within the picture', () => {
  const scene = new Scene();
  const next = random(9);
  for (let i = 0; i < 2_000; i += 1) {
    const share = next();
    for (let block = 0; block < scene.field.bits.length; block += 1) {
      scene.field.bits[block] = next() < share ? 65_535 * next() ** 4 : 0;
      scene.field.qps[block] = 127 - 255 * next();
    }
    scene.detector.add(i * 1e4 * next());
    const { x, y, width, height } = scene.detector.area;
    expect(Number.isFinite(scene.detector.score)).toBe(true);
    expect(Math.min(x, y)).toBeGreaterThanOrEqual(0);
    expect(Math.max(x + width, y + height)).toBeLessThan(1.01);
  }
});

test.for([
  ['a mask that covers its way', { masks: [strip(2, 16)] }, 0],
  ['a mask elsewhere', { masks: [strip(16, 20)] }, 1],
  ['a zone that has its way', { zones: [strip(2, 16)] }, 1],
  ['a zone elsewhere', { zones: [strip(16, 20)] }, 0],
  ['a zone, and a mask that covers it', { zones: [strip(2, 16)], masks: [strip(0, 20)] }, 0],
  ['a smallest size of 10 blocks', { minSize: 10 / COLUMNS / ROWS }, 0],
  ['a smallest size of 4 blocks', { minSize: 4 / COLUMNS / ROWS }, 1],
] as const)('a walk of 6 blocks with %s', ([, rules, turns]) => {
  const scene = new Scene();
  scene.detector.rules = { ...ALL, ...rules };
  scene.film(30);
  expect(scene.film(4, walker(3, 4, 2, 0))).toHaveLength(turns);
  // What is too small is shown, without a score.
  const scores = scene.detector.boxes.map(({ score }) => score);
  expect(scores).toEqual(
    'zones' in rules || 'masks' in rules ? (turns ? [expect.any(Number)] : []) : [expect.any(Number)],
  );
  expect(scores.every((score) => (turns ? score > 1 : score === 0))).toBe(true);
});

test('a tree under a mask makes neither an event nor a change of the whole picture, whatever it costs', () => {
  const tree = (column: number, _row: number, second: number) =>
    column < 8 && second > 2 ? 600 + 300 * Math.sin(9 * second + column) : 0;
  const both = (column: number, row: number, second: number) =>
    tree(column, row, second) + walker(12, 4, 1, 0)(column, row, second - 6) * (second > 6 ? 1 : 0);
  const scene = new Scene();
  scene.detector.rules = { ...ALL, masks: [strip(0, 8)] };
  scene.film(30);
  expect(scene.film(6, tree)).toEqual([]);
  expect(scene.film(10, both)).toHaveLength(1);
  // Without the mask its blocks are more than a third: the camera turns, or so it looks.
  const bare = new Scene();
  bare.film(30);
  expect(bare.film(6, (column, row, second) => (second > 2 ? tree(column, row, second) : 0))).toEqual([]);
});

test('a person who fills a small zone is motion; a light that changes the whole picture is none', () => {
  const scene = new Scene();
  scene.detector.rules = { ...ALL, zones: [strip(4, 6)] };
  scene.film(30);
  expect(scene.film(1, () => 400)).toEqual([]);
  scene.film(10);
  expect(scene.film(3, (column, row) => (column >= 4 && column < 6 && row > 2 && row < 9 ? 200 : 0))).toHaveLength(1);
});

test('cells in which something moves are known for some seconds, by their time', () => {
  const scene = new Scene();
  const shareIn = (fromS: number, untilS: number, left = 0.4) =>
    scene.detector.moved.shareIn({ x: left, y: 0.4, width: 0.2, height: 0.2 }, 1000 * fromS, 1000 * untilS);
  expect(shareIn(0, 1)).toBeUndefined();
  scene.film(30);
  expect(shareIn(28, 30)).toBe(0);
  // It passes the middle at the third second.
  scene.film(6, walker(3, 4, 2, 0));
  scene.film(2);
  expect(shareIn(32.5, 34.5)).toBeGreaterThan(0.4);
  expect(shareIn(32.5, 34.5, 0.8)).toBe(0);
  expect(shareIn(30, 30.7)).toBe(0);
  expect(shareIn(36.5, 38)).toBe(0);
  const boxAt = (untilS: number, counts: (x: number, y: number) => boolean = () => true) =>
    scene.detector.moved.boxOf(1000 * (untilS - 1), 1000 * untilS, counts);
  const box = boxAt(33.5) ?? { x: 0, y: 0, width: 0, height: 0 };
  expect(box.x).toBeGreaterThan(0.2);
  expect(box.x + box.width).toBeLessThan(0.8);
  expect(box.y + box.height).toBeLessThan(0.9);
  // All of what moves, if a part of it counts.
  expect(boxAt(33.5, (x) => x > box.x + box.width - 1 / 16)).toEqual(box);
  expect(boxAt(33.5, (x) => x > 0.9)).toBeUndefined();
  expect(boxAt(29)).toBeUndefined();
  // Pictures of that time have not come yet.
  expect(shareIn(39, 40)).toBeUndefined();
  // Those of that time are forgotten.
  scene.film(12);
  expect(shareIn(32.5, 34.5)).toBeUndefined();
  expect(shareIn(48, 50)).toBe(0);
});

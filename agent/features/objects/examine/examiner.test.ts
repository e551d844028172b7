import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { PerchError } from '../../../base/errors.ts';
import type { LabelType } from '../../../base/event-kinds.ts';
import { createLogger } from '../../../base/log.ts';
import { WHOLE } from '../../../picture/part.ts';
import type { CameraEvent, EventLabel } from '../../../record/events/event.ts';
import type { Detector, FoundObject } from '../detector/contract.ts';
import { Examiner } from './examiner.ts';

const BOX = { x: 0.4, y: 0.3, width: 0.1, height: 0.4 };
const person = (score: number, box = BOX): FoundObject => ({ type: 'person', score, box });

interface Scene {
  /** Objects of each picture, in turn; the last ones stay. */
  readonly pictures?: readonly (readonly FoundObject[] | PerchError)[];
  readonly wanted?: readonly LabelType[];
  readonly minHeight?: number;
  /** Share of a box in which something moves; undefined: nothing is known of motion. */
  moved?: (box: FoundObject['box'], ageMs: number) => number | undefined;
  /** What moves, and so the part that is examined; undefined: it is not known. */
  readonly moving?: () => FoundObject['box'] | undefined;
  /** Level of grey of each picture. */
  readonly greys?: readonly number[];
  /** Number of the picture in which the box is white. */
  readonly lit?: number;
}

function watch(scene: Scene = {}) {
  const { pictures = [[]], wanted = ['person'], minHeight = 0, moved = () => 1, moving, greys = [], lit } = scene;
  const clock = new FakeClock();
  const startMs = clock.wallMs();
  const takenMs: number[] = [];
  const parts: (FoundObject['box'] | undefined)[] = [];
  const labelled: { id: string; labels: readonly EventLabel[] }[] = [];
  const lines: string[] = [];
  const counts = { pictures: 0, failures: 0, labelled: 0 };
  const detector: Detector = {
    inputSize: 416,
    memoryBytes: undefined,
    examine: async ({ picture }) => {
      await picture(false);
      const found = pictures[Math.min(takenMs.length, pictures.length) - 1] ?? [];
      if (found instanceof PerchError) {
        throw found;
      }
      return { objects: found, ms: 200 };
    },
    close: async () => {},
  };
  const examiner = new Examiner({
    ...{ clock, detector, counts, log: createLogger('info', (line) => lines.push(line)) },
    pictures: {
      rgb: async (_path, side, aroundAt) => {
        takenMs.push(clock.wallMs() - startMs);
        const rgb = new Uint8Array(3 * side).fill(greys[takenMs.length - 1] ?? 0);
        if (takenMs.length - 1 === lit) {
          rgb.fill(255, Math.floor(3 * side * BOX.x), Math.ceil(3 * side * (BOX.x + BOX.width)));
        }
        const part = aroundAt?.(clock.wallMs()) ?? WHOLE;
        parts.push(part);
        return { width: side, height: 1, rgb, part, time: 0, wallMs: clock.wallMs() };
      },
    },
    hub: { label: async (_path, id, labels) => void labelled.push({ id, labels }) },
    movement: () => ({
      shareIn: (box, _from, untilMs) => moved(box, clock.wallMs() - untilMs),
      movingBox: () => moving?.(),
      counts: (x, y) => x < 0.8 && y < 0.9,
    }),
    cameraOf: (path) => path.replace('_sub', ''),
    wanted: () => wanted,
    minHeightOf: () => minHeight,
  });
  const report = (event: Partial<CameraEvent> = {}) => {
    const now = 1000 * clock.wallMs();
    const whole = { id: 'a', path: 'yard', type: 'motion', startUs: now, endUs: undefined, text: '', ...event };
    examiner.onEvent({ source: 'stream', ...whole });
  };
  return { examiner, clock, takenMs, parts, labelled, counts, report, lines, startMs };
}

test('pictures are taken half a second after the start and less and less often until an object is certain', async () => {
  const found = [[], [person(0.5)], [], [], [], [person(0.46)], [person(0.9)]];
  const { clock, takenMs, labelled, report, counts, startMs } = watch({ pictures: found });
  report();
  await clock.advance(60_000);
  expect(takenMs).toEqual([500, 1_500, 3_000, 6_000, 16_000, 26_000]);
  const label = { type: 'person', score: 0.5, box: BOX, at: 1000 * (startMs + 1_500) };
  expect(labelled).toEqual([
    { id: 'a', labels: [] },
    { id: 'a', labels: [label] },
  ]);
  expect(counts).toEqual({ pictures: 6, failures: 0, labelled: 1 });
});

test('one picture with a high score is enough, and the end of the event ends the search', async () => {
  const sure = watch({ pictures: [[person(0.61)]] });
  sure.report();
  await sure.clock.advance(30_000);
  expect(sure.takenMs).toEqual([500]);
  expect(sure.labelled).toMatchObject([{ labels: [{ type: 'person', score: 0.61 }] }]);
  // The hub reports the event again with its labels, and with its end.
  sure.report();
  sure.report({ endUs: 1000 * sure.clock.wallMs() });
  await sure.clock.advance(30_000);
  expect(sure.takenMs).toEqual([500]);

  const { clock, report, takenMs, labelled } = watch();
  report();
  await clock.advance(2_000);
  report({ endUs: 1000 * clock.wallMs() });
  await clock.advance(30_000);
  expect(takenMs).toEqual([500, 1_500]);
  expect(labelled).toEqual([{ id: 'a', labels: [] }]);
  report({ id: 'b', endUs: 1000 * clock.wallMs() + 5e6 });
  await clock.advance(30_000);
  expect(takenMs.length).toBe(5);
});

test('an event that has labels of another program or box is not examined', async () => {
  const { report, clock, takenMs } = watch({ pictures: [[person(0.9)]] });
  report({ labels: [{ type: 'vehicle', score: 0.9, box: BOX, at: 1000 * clock.wallMs() }] });
  report({ id: 'b', labels: [] });
  await clock.advance(30_000);
  expect(takenMs).toEqual([]);
});

test('an object that does not move is no label, also when motion is known only a second later', async () => {
  const still = watch({ pictures: [[person(0.9)]], moved: () => 0.1 });
  still.report();
  await still.clock.advance(8_000);
  expect(still.labelled).toEqual([{ id: 'a', labels: [] }]);
  const late = watch({ pictures: [[person(0.9)]], moved: (_, ageMs) => (ageMs >= 0 ? 0.3 : 0) });
  late.report();
  await late.clock.advance(1_400);
  expect(late.labelled).toEqual([]);
  await late.clock.advance(100);
  expect(late.labelled).toMatchObject([{ labels: [{ type: 'person' }] }]);
});

test('what stays at its place is reported only after it has left', async () => {
  const car = (score: number, x = 0.4): FoundObject => ({ type: 'vehicle', score, box: { ...BOX, x } });
  let isPassing = false;
  const { clock, report, labelled } = watch({
    wanted: ['person', 'vehicle'],
    pictures: [[car(0.8)], [car(0.8)], [car(0.8)], [car(0.8), person(0.8)], [car(0.8, 0.7)]],
    moved: ({ x }) => (isPassing || x > 0.5 ? 1 : 0),
  });
  report();
  await clock.advance(5_000);
  // A person passes the parked car.
  isPassing = true;
  await clock.advance(2_000);
  expect(labelled.at(-1)?.labels.map(({ type }) => type)).toEqual(['person']);
  report({ id: 'b' });
  await clock.advance(1_000);
  expect(labelled.at(-1)).toMatchObject({ id: 'b', labels: [{ type: 'vehicle' }] });
});

test('zones count by the bottom centre, and small objects do not', async () => {
  const low = person(0.9, { x: 0.4, y: 0.5, width: 0.1, height: 0.45 });
  const right = person(0.9, { x: 0.75, y: 0.3, width: 0.2, height: 0.4 });
  const small = person(0.9, { ...BOX, height: 0.09 });
  const { clock, report, labelled } = watch({ pictures: [[low], [right], [small], [person(0.9)]], minHeight: 0.1 });
  report();
  await clock.advance(4_000);
  expect(labelled).toEqual([{ id: 'a', labels: [] }]);
  await clock.advance(3_000);
  expect(labelled.at(-1)?.labels).toHaveLength(1);
});

/** The part around what moves here begins at 0.375 and 4 / 9, and is 0.25 by 3 / 9 large. */
const MOVING = { x: 0.4375, y: 5 / 9, width: 0.125, height: 1 / 9 };

test('the part around what moves is examined, and boxes, zones and heights are those of the whole picture', async () => {
  const box = { x: 0.4, y: 0.1, width: 0.2, height: 0.6 };
  const scene = { pictures: [[person(0.9, box)]], moving: () => MOVING };
  const { clock, report, labelled, parts } = watch({ ...scene, minHeight: 0.19 });
  report();
  await clock.advance(1_000);
  expect(parts[0]?.x).toBeCloseTo(0.375);
  const [label] = labelled[0]?.labels ?? [];
  expect(label?.box.x).toBeCloseTo(0.375 + 0.4 * 0.25);
  expect(label?.box.y).toBeCloseTo((4 + 0.1 * 3) / 9);
  expect(label?.box.width).toBeCloseTo(0.05);
  expect(label?.box.height).toBeCloseTo(0.2);
  const small = watch({ ...scene, minHeight: 0.21 });
  small.report();
  await small.clock.advance(1_000);
  expect(small.labelled).toEqual([{ id: 'a', labels: [] }]);
  // In the part it is above the mask's 0.9, in the picture below it.
  const low = watch({ ...scene, moving: () => ({ ...MOVING, y: 8 / 9 }) });
  low.report();
  await low.clock.advance(1_000);
  expect(low.labelled).toEqual([{ id: 'a', labels: [] }]);
});

test('an object that the part cuts off is no label; the next picture is whole, the one after it a part again', async () => {
  const cut = person(0.9, { x: 0.4, y: 0.5, width: 0.2, height: 0.5 });
  const { clock, report, labelled, parts } = watch({ pictures: [[cut], [person(0.5)], []], moving: () => MOVING });
  report();
  await clock.advance(1_000);
  expect(labelled).toEqual([{ id: 'a', labels: [] }]);
  await clock.advance(2_500);
  expect(parts.map((part) => part === WHOLE)).toEqual([false, true, false]);
  const parked = watch({ pictures: [[cut]], moving: () => MOVING, moved: () => 0.1 });
  parked.report();
  await parked.clock.advance(8_000);
  expect(parked.labelled).toEqual([{ id: 'a', labels: [] }]);
  expect(parked.parts.map((part) => part === WHOLE)).toEqual([false, false, false, false]);
});

test('what stays is not forgotten while other parts of the picture are examined', async () => {
  const car: FoundObject = { type: 'vehicle', score: 0.8, box: { x: 0.1, y: 0.6, width: 0.2, height: 0.2 } };
  let moving: FoundObject['box'] | undefined;
  let isPassing = false;
  const found = [[car], [car], [car], [car], [], [], [], [], [car]];
  const { clock, report, labelled, parts } = watch({
    ...{ wanted: ['vehicle'], pictures: found, moving: () => moving, moved: () => (isPassing ? 1 : 0) },
  });
  report();
  await clock.advance(8_000);
  moving = MOVING;
  report({ id: 'b' });
  await clock.advance(8_000);
  expect(parts.map((part) => part === WHOLE)).toEqual([true, true, true, true, false, false, false, false]);
  moving = undefined;
  isPassing = true;
  report({ id: 'c' });
  await clock.advance(1_000);
  expect(labelled.flatMap(({ labels }) => labels)).toEqual([]);
  expect(labelled.at(-1)?.id).toBe('c');
});

test('where motion is not known in the end, a part of the picture is not compared with the picture before', async () => {
  const { clock, report, labelled } = watch({
    ...{ pictures: [[], [person(0.9)], [person(0.9)]], greys: [0, 200, 200, 200] },
    ...{ moving: () => MOVING, moved: () => undefined },
  });
  report();
  await clock.advance(4_000);
  expect(labelled).toEqual([{ id: 'a', labels: [] }]);
});

test('other objects than those wanted, and bicycles, are no labels', async () => {
  const bicycle: FoundObject = { type: 'bicycle', score: 0.9, box: BOX };
  const { clock, report, labelled } = watch({ wanted: ['vehicle'], pictures: [[bicycle, person(0.9)]] });
  report();
  await clock.advance(20_000);
  expect(labelled).toEqual([{ id: 'a', labels: [] }]);
});

test('a camera that names the object itself ends the search, and for some seconds there is no other', async () => {
  const { clock, report, takenMs, labelled } = watch();
  report({ source: 'camera' });
  await clock.advance(700);
  report({ id: 'p', type: 'human', source: 'camera' });
  report({ id: 'p', type: 'person', source: 'camera', path: 'yard_sub' });
  await clock.advance(9_000);
  report({ id: 'b', source: 'camera' });
  await clock.advance(20_000);
  expect(takenMs).toEqual([500]);
  expect(labelled).toEqual([{ id: 'a', labels: [] }]);
  report({ id: 'c', source: 'camera' });
  await clock.advance(600);
  expect(takenMs.length).toBe(2);
});

test('where motion is not known, what differs from the picture before is what moves', async () => {
  const scene = { pictures: [[person(0.9)]], moved: () => undefined };
  const same = watch({ ...scene, greys: [50, 50, 50, 50] });
  same.report();
  await same.clock.advance(1_000);
  // "Nothing" would be said too early.
  expect(same.labelled).toEqual([]);
  await same.clock.advance(7_000);
  expect(same.labelled).toEqual([{ id: 'a', labels: [] }]);
  const passing = watch({ ...scene, greys: [50, 50], lit: 1 });
  passing.report();
  await passing.clock.advance(2_000);
  expect(passing.labelled).toMatchObject([{ id: 'a', labels: [{ type: 'person' }] }]);
});

test('one movement that the camera and its stream both report gives two events with labels', async () => {
  const { clock, report, labelled, takenMs, counts } = watch({ pictures: [[], [person(0.9)]] });
  report();
  await clock.advance(700);
  report({ id: 'b', source: 'camera' });
  await clock.advance(1_000);
  expect(takenMs).toEqual([500, 1_500]);
  const labels = [expect.objectContaining({ type: 'person' })];
  expect(labelled).toEqual([
    { id: 'a', labels: [] },
    { id: 'a', labels },
    { id: 'b', labels },
  ]);
  expect(counts.labelled).toBe(2);
});

test('an event that is added has a picture, also if it is short, and a later one has its first pictures as early', async () => {
  const { clock, report, labelled, takenMs } = watch();
  report();
  await clock.advance(700);
  report({ id: 'b', endUs: 1000 * clock.wallMs() + 1 });
  report({ endUs: 1000 * clock.wallMs() + 1 });
  await clock.advance(20_000);
  expect(takenMs).toEqual([500, 1_500]);
  expect(labelled.map(({ id }) => id)).toEqual(['a', 'b']);
  const long = watch();
  long.report();
  await long.clock.advance(8_000);
  long.report({ id: 'b' });
  await long.clock.advance(2_000);
  expect(long.takenMs).toEqual([500, 1_500, 3_000, 6_000, 8_500, 9_500]);
  expect(long.labelled.map(({ id }) => id)).toEqual(['a', 'b']);
});

test('two objects in the first picture are one event with labels', async () => {
  const car: FoundObject = { type: 'vehicle', score: 0.9, box: { ...BOX, x: 0.1 } };
  const { clock, report, counts } = watch({ wanted: ['person', 'vehicle'], pictures: [[car, person(0.9)]] });
  report();
  await clock.advance(1_000);
  expect(counts.labelled).toBe(1);
});

test('failures are those of one camera, and a camera that is away or private is no failure', async () => {
  const broken = new PerchError('unavailable', 'the detector ended');
  const away = new PerchError('unavailable', 'the path is not live');
  const hidden = watch({ pictures: [away] });
  hidden.report();
  await hidden.clock.advance(60_000);
  expect(hidden.examiner.failure).toBeUndefined();
  const { clock, report, examiner } = watch({ pictures: [broken] });
  report();
  report({ id: 'b', path: 'gate' });
  await clock.advance(5_000);
  expect(examiner.failure).toBeUndefined();
  await clock.advance(20_000);
  expect(examiner.failure).toMatchObject({ camera: 'yard' });
});

test('a picture that cannot be examined does not end the search, and five in a row are a fault', async () => {
  const broken = new PerchError('unavailable', 'the detector ended');
  const { clock, report, labelled, counts, examiner, lines } = watch({
    pictures: [broken, broken, new PerchError('exhausted', 'beyond the budget'), broken, broken, broken, [person(0.9)]],
  });
  report();
  await clock.advance(20_000);
  expect(examiner.failure).toBeUndefined();
  expect(labelled).toEqual([]);
  await clock.advance(10_000);
  expect(examiner.failure).toMatchObject({ reason: 'the detector ended' });
  expect(lines).toHaveLength(1);
  await clock.advance(10_000);
  expect(labelled).toMatchObject([{ labels: [{ type: 'person' }] }]);
  expect(examiner.failure).toBeUndefined();
  expect(counts).toEqual({ pictures: 1, failures: 6, labelled: 1 });
});

test('events of the box, of other kinds and those that are over are not examined; a stop ends all', async () => {
  const { clock, report, takenMs, examiner } = watch();
  report({ source: 'perch' });
  report({ type: 'sound', id: 'b' });
  report({ id: 'c', endUs: 1000 * (clock.wallMs() - 1) });
  await clock.advance(10_000);
  expect(takenMs).toEqual([]);
  report({ id: 'd' });
  await clock.advance(600);
  examiner.close();
  await clock.advance(60_000);
  expect(takenMs.length).toBe(1);
});

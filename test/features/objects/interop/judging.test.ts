import { expect, test } from 'vitest';
import { describeWith, inShort } from '../../../peers/programs/peers.ts';
import { random } from '../../../support/base/random.ts';
import { rawPictures, type Sprite } from '../support/cut-outs.ts';
import type { WeatherName } from '../support/disturbances.ts';
import { FPS, Frame, HEIGHT, Noise, WIDTH } from '../support/frame.ts';
import { judgeScene, recallOf } from '../support/judging.ts';
import { encodeScene } from '../support/make-scene.ts';
import { type Presence, WITH_OBJECTS, WITHOUT_OBJECTS } from '../support/scenes.ts';

const presence = (fromS: number, toS: number, type: Presence['type'], height = 100): Presence => ({
  ...{ fromS, toS, type, height },
  what: 'coat',
});

test('a presence is found by a label of its type in its time; any other label is false', () => {
  const there = [presence(20, 28, 'person'), presence(40, 48, 'person', 40), presence(60, 68, 'vehicle')];
  const verdict = judgeScene(there, [
    { startS: 21, endS: 30, labels: [{ type: 'person', atS: 22 }] },
    { startS: 41, endS: 50, labels: [] },
    { startS: 61, endS: Number.POSITIVE_INFINITY, labels: [{ type: 'person', atS: 63 }] },
    { startS: 90, endS: 95, labels: undefined },
  ]);
  expect(verdict.found.map(({ isFound, hasEvent }) => [isFound, hasEvent])).toEqual([
    [true, true],
    [false, true],
    [false, true],
  ]);
  expect(verdict.falseLabels).toEqual([{ type: 'person', atS: 63 }]);
  expect([verdict.events, verdict.examined]).toEqual([4, 3]);
  expect(recallOf([verdict], ({ type }) => type === 'person')).toBe(0.5);
  expect(recallOf([verdict], ({ type, height }) => type === 'person' && height >= 50)).toBe(1);
  expect(recallOf([verdict], ({ type }) => type === 'animal')).toBeNaN();
});

test('a label in the time of another presence does not count for this one', () => {
  const labels = [{ type: 'person' as const, atS: 45 }];
  const verdict = judgeScene(
    [presence(20, 28, 'person'), presence(40, 48, 'person')],
    [{ startS: 20, endS: 50, labels }],
  );
  expect(verdict.found.map(({ isFound }) => isFound)).toEqual([false, true]);
  expect(verdict.falseLabels).toEqual([]);
});

test('the scenes without objects are 30 minutes with each kind of disturbance, and none has an object', () => {
  const scenes = WITHOUT_OBJECTS.flat();
  expect(scenes.reduce((sum, { seconds }) => sum + seconds, 0)).toBe(30 * 60);
  const weather = new Set(scenes.map((scene) => scene.weather));
  const wanted = ['rain', 'leaves', 'infrared', 'headlights', 'insects', 'clouds', 'night'] as const;
  expect(wanted.filter((name) => !weather.has(name))).toEqual([]);
  expect(scenes.filter(({ cast }) => cast.length > 0)).toEqual([]);
  expect(WITH_OBJECTS.filter(({ cast }) => cast.length === 0)).toEqual([]);
  const seeds = [...scenes, ...WITH_OBJECTS].map(({ seed }) => seed);
  expect(new Set(seeds).size).toBe(seeds.length);
});

/** A rough grey wall; the footage of the judging set is fetched by the bench alone. */
function wall(): Frame {
  const frame = new Frame();
  frame.data.fill(110, 0, WIDTH * HEIGHT);
  frame.data.fill(128, WIDTH * HEIGHT);
  const next = random(5);
  frame.shade((x, y) => 1 + 0.2 * Math.sin(x / 40) * Math.cos(y / 30));
  for (let i = 0; i < 3000; i += 1) {
    frame.glow(WIDTH * next(), HEIGHT * next(), 3 + 6 * next(), 3 + 6 * next(), 120 * next() - 60);
  }
  return frame;
}

/** Smaller, so that noise disappears. */
const [SMALL_WIDTH, SMALL_HEIGHT] = [160, 90];

/** Seconds at which a hundredth of the picture or more differs from the first one. */
async function changesIn(weather: WeatherName, seconds: number, passes: boolean): Promise<number[]> {
  const size = 40 * 110;
  const planes = [0, 1, 2].map((plane) =>
    Uint8Array.from({ length: size }, (_, at) => (plane === 0 ? 30 + ((at * 7919) % 61) : 100 + 50 * plane)),
  );
  const sprite = { width: 40, height: 110, planes, cover: new Uint8Array(size).fill(255) };
  const passage = {
    ...presence(14, 14 + (WIDTH + 40) / 80, 'person', 110),
    ...{ sprite: sprite as unknown as Sprite, fromLeft: true, y: 200, speed: 80 },
  };
  const scene = { name: 'test', seed: 7, seconds, background: 'street', weather, cast: [] } as const;
  const { file, remove } = await encodeScene(scene, wall(), passes ? [passage] : []);
  try {
    const filter = `scale=${SMALL_WIDTH}:${SMALL_HEIGHT}:flags=area`;
    const raw = await rawPictures(file, filter);
    const luma = SMALL_WIDTH * SMALL_HEIGHT;
    expect(raw.length).toBe(3 * luma * seconds * FPS);
    const differs = (_: unknown, i: number): boolean => {
      const picture = raw.subarray(3 * luma * i, 3 * luma * i + luma);
      return picture.filter((value, at) => Math.abs(value - (raw[at] as number)) > 12).length > luma / 100;
    };
    const changes = Array.from({ length: seconds * FPS }, differs);
    return changes.flatMap((isChanged, i) => (isChanged ? [i / FPS] : []));
  } finally {
    remove();
  }
}

describeWith(['ffmpeg'], 'scenes that are made for the figures of objects', () => {
  test.for(inShort(['day', 'dusk'] as const, 'dusk'))(
    '%s: what passes is there in its time and no longer',
    async (weather) => {
      const changes = await changesIn(weather, 26, true);
      expect(changes[0]).toBeGreaterThanOrEqual(14);
      expect(changes[0]).toBeLessThan(15);
      expect(changes.at(-1)).toBeGreaterThan(21);
      expect(changes.at(-1)).toBeLessThanOrEqual(22.5);
      expect(changes.length).toBeGreaterThan(6 * FPS);
    },
  );

  test.for(inShort(['day', 'dusk', 'night'] as const, 'night'))('%s: without it nothing changes', async (weather) => {
    expect(await changesIn(weather, 26, false)).toEqual([]);
  });

  test.for(['headlights', 'insects', 'infrared'] as const)('%s: it is seen, and goes again', async (weather) => {
    const changes = await changesIn(weather, 45, false);
    expect(changes.length).toBeGreaterThan(FPS);
    expect(changes.length).toBeLessThan(30 * FPS);
    expect(changes[0]).toBeGreaterThan(14);
  });

  test('the same seed gives the same noise, another one does not', () => {
    const seeded = (seed: number) => {
      const frame = wall();
      new Noise(3, random(seed)).add(frame);
      return Buffer.from(frame.luma);
    };
    expect(seeded(1).equals(seeded(1))).toBe(true);
    expect(seeded(1).equals(seeded(2))).toBe(false);
  });
});

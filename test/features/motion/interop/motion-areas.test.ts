import { beforeAll, expect, test, vi } from 'vitest';
import { silentLogger } from '../../../../agent/base/log.ts';
import { StreamMotion } from '../../../../agent/features/motion/stream-motion.ts';
import type { NewEvent } from '../../../../agent/record/events/event-hub.ts';
import { Stream } from '../../../../agent/stream/stream.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import type { CodecName } from '../../../quirks/clip.ts';
import { FakeClock } from '../../../support/base/fake-clock.ts';
import { configOf } from '../../../support/harness/servers/path-table-of.ts';
import { BEFORE_S, FPS, SPEED, TICKS, WALK_S, walk } from '../support/walk.ts';

const START_MS = Date.UTC(2026, 0, 1);
/** Half a second of walking; a unit of H.265 has up to 64 pixels. */
const MAX_OFF = { h264: 0.2, h265: 0.25 };

/** A camera whose film runs through the detection of a box. */
async function filmed({ track, pictures }: Awaited<ReturnType<typeof walk>>, keys: string) {
  const settings = (more: string) => configOf(`  yard: {motionSource: stream, ${more}}`);
  const stream = new Stream([track]);
  const events: NewEvent[] = [];
  let config = settings(keys);
  let count = 0;
  const zones: string[] = [];
  const peaks: number[] = [];
  const keep = (names: readonly string[] = []) => zones.push(names.join());
  const hub = {
    add: async (event: NewEvent) => {
      events.push(event);
      keep(event.zones);
      peaks.push(((event.area?.at ?? Number.NaN) / 1000 - START_MS) / 1000);
    },
    enter: async (_path: string, _id: string, names: readonly string[]) => void keep(names),
  };
  const motion = new StreamMotion(
    {
      clock: new FakeClock(),
      recordings: { isClockTrusted: true, events: { hub } },
      config: () => config,
      settings: () => config,
      log: silentLogger,
      paths: { openStreams: () => [['yard', stream]] },
      examines: () => [],
      isTurning: () => false,
    } as unknown as ConstructorParameters<typeof StreamMotion>[0],
    async () => ({ open: () => ({ at: () => {}, end: () => {}, close: () => {} }) }),
  );
  motion.apply();
  await vi.dynamicImportSettled();
  return {
    motion,
    /** Seconds of the film in which most of an event moved. */
    peaks,
    /** Those of the events, each time that they are reported. */
    zones,
    apply: (more: string) => {
      config = settings(more);
      motion.apply();
    },
    /** Runs the film once. @returns seconds of the film in which an event began or ended; `seen` gets what moves after each picture */
    film: (seen: (second: number) => void = () => {}) => {
      events.length = 0;
      const from = count;
      for (const data of pictures) {
        const pts = count * TICKS;
        const key = (count - from) % FPS === 0;
        stream.write(0, { pts, dts: pts, wall: START_MS + pts / 90, key, data });
        count += 1;
        seen((count - from) / FPS);
      }
      return events.map(({ startUs, endUs }) => ((startUs ?? endUs ?? 0) / 1000 - START_MS) / 1000 - from / FPS);
    },
  };
}

/** From one share of the width to another, at the height of the walk. */
const band = (from: number, to: number): string => `"${from},0.35 ${to},0.35 ${to},0.9 ${from},0.9"`;
/** The second in which the figure's right edge is at a share of the width. */
const reaches = (share: number): number => BEFORE_S + (share * 320 - 24) / SPEED;

describeWith(['ffmpeg'], 'areas and sizes of motion in streams of real encoders', () => {
  describeCodec('h264');
  describeCodec('h265');
});

function describeCodec(codec: CodecName): void {
  let scene: Awaited<ReturnType<typeof walk>>;
  beforeAll(async () => {
    scene = await walk(codec);
  });

  test.for([
    ['nothing set', ''],
    ['a mask of another part', 'motionMasks: ["0,0 1,0 1,0.3 0,0.3"]'],
    ['a zone that has the walk', `motionZones: [${band(0, 1)}]`],
    ['a smallest size of 2 %', 'motionMinSize: 0.02'],
  ])(`${codec}: with %s the walk is an event`, async ([, keys]) => {
    const camera = await filmed(scene, keys ?? '');
    const turns = camera.film();
    expect(turns).toHaveLength(2);
    expect(turns[0]).toBeGreaterThan(BEFORE_S);
    expect(turns[0]).toBeLessThan(BEFORE_S + 1.5);
    expect(turns[1]).toBeGreaterThan(BEFORE_S + WALK_S);
    expect(turns[1]).toBeLessThan(BEFORE_S + WALK_S + 4);
    // Most of it moves while it walks, and not in the seconds of rest.
    expect(camera.peaks.at(-1)).toBeGreaterThan(BEFORE_S);
    expect(camera.peaks.at(-1)).toBeLessThan(BEFORE_S + WALK_S + 0.5);
  });

  test.for([
    ['a mask of its way', `motionMasks: [${band(0, 1)}]`],
    ['a zone of another part', 'motionZones: ["0,0 1,0 1,0.3 0,0.3"]'],
    ['a smallest size of 20 %', 'motionMinSize: 0.2'],
    ['two masks that share its way', `motionMasks: [${band(0, 0.5)}, ${band(0.5, 1)}]`],
  ])(`${codec}: with %s the walk is none`, async ([, keys]) => {
    expect((await filmed(scene, keys ?? '')).film()).toEqual([]);
  });

  test(`${codec}: behind a mask the walk ends, and in a zone it begins`, async () => {
    const [, ended = Number.NaN] = (await filmed(scene, `motionMasks: [${band(0.5, 1)}]`)).film();
    // Two seconds of rest later.
    expect(ended).toBeGreaterThan(reaches(0.5) + 1.5);
    expect(ended).toBeLessThan(reaches(0.6) + 3.5);
    const [begun = Number.NaN] = (await filmed(scene, `motionZones: [${band(0.5, 1)}]`)).film();
    expect(begun).toBeGreaterThan(reaches(0.5));
    expect(begun).toBeLessThan(reaches(0.8));
  });

  test(`${codec}: an event has the zones of the walk, each from when it is reached`, async () => {
    const areas = [`Drive: ${band(0, 0.4)}`, band(0.4, 1), 'Sky: "0,0 1,0 1,0.3 0,0.3"'];
    const texts = areas.map((area) => area.replaceAll('"', '')).map((area) => `"${area}"`);
    const camera = await filmed(scene, `motionZones: [${texts}]`);
    const turns = camera.film();
    expect(turns).toHaveLength(2);
    expect(camera.zones).toEqual(['Drive', 'Drive,Zone 2', 'Drive,Zone 2']);
    camera.zones.length = 0;
    camera.apply(`motionSensitivity: 50`);
    camera.film();
    expect(camera.zones).toEqual(['', '']);
  });

  test(`${codec}: changed areas apply to the running stream, and what moves is shown with its place`, async () => {
    const camera = await filmed(scene, `motionMasks: [${band(0, 1)}]`);
    expect(camera.film()).toEqual([]);
    camera.apply('');
    const shown: { readonly second: number; readonly middle: number }[] = [];
    const turns = camera.film((second) => {
      for (const { x, width, score } of camera.motion.of('yard')?.boxes ?? []) {
        if (score >= 1) {
          shown.push({ second, middle: x + width / 2 });
        }
      }
    });
    expect(turns).toHaveLength(2);
    const walking = shown.filter(({ second }) => second > BEFORE_S + 1 && second < BEFORE_S + WALK_S);
    expect(walking.length).toBeGreaterThan(10);
    for (const { second, middle } of walking) {
      expect(Math.abs(middle - ((second - BEFORE_S) * SPEED + 12) / 320), `at ${second} s`).toBeLessThan(
        MAX_OFF[codec],
      );
    }
    camera.apply(`motionZones: ["0,0 1,0 1,0.3 0,0.3"]`);
    expect(camera.film()).toEqual([]);
  });
}

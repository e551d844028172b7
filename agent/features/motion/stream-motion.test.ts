import { expect, test, vi } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { random } from '../../../test/support/base/random.ts';
import { configOf } from '../../../test/support/harness/servers/path-table-of.ts';
import { H264_PPS, H264_SPS, H264_UNITS } from '../../../test/support/media/tiny-streams.ts';
import { hex, sampleOf } from '../../../test/support/media/units.ts';
import { mjpeg } from '../../../test/support/media/video-tracks.ts';
import { createLogger } from '../../base/log.ts';
import { h264Track } from '../../media/h264/params.ts';
import type { NewEvent } from '../../record/events/event-hub.ts';
import { Stream } from '../../stream/stream.ts';
import { StreamMotion } from './stream-motion.ts';

const FPS = 10;
const TICKS = 90_000 / FPS;
const START_MS = Date.UTC(2026, 0, 1);
const TRACK = h264Track(hex(H264_SPS), [hex(H264_PPS)]);
const [KEY = '', , , , P = ''] = H264_UNITS.map(([, nal]) => nal);

/** A camera whose pictures have the wanted sizes: only the headers of its slices are read. */
class Camera {
  readonly stream: Stream;
  readonly #next = random(3);
  #pictures = 0;

  constructor(isOnDemand = false) {
    this.stream = new Stream([TRACK], { isOnDemand });
  }

  /** A picture that the decoder has no memory for. */
  filmHuge(): void {
    const nal = hex(P);
    const data = new Uint8Array(130 << 20);
    const view = new DataView(data.buffer);
    view.setUint32(0, nal.length);
    data.set(nal, 4);
    // Supplemental information fills the rest.
    view.setUint32(4 + nal.length, data.length - nal.length - 8);
    data[8 + nal.length] = 6;
    this.#pictures += 2 * FPS;
    const pts = this.#pictures * TICKS;
    this.stream.write(0, { pts, dts: pts, wall: START_MS + pts / 90, key: false, data });
    this.#pictures += 1;
  }

  film(seconds: number, bytes: number): void {
    for (let i = 0; i < seconds * FPS; i += 1) {
      const key = this.#pictures % (2 * FPS) === 0;
      const head = hex(key ? KEY : P);
      const nal = new Uint8Array(key ? 20_000 : Math.round(bytes * (0.95 + 0.1 * this.#next()))).fill(0x55);
      nal.set(head);
      const pts = this.#pictures * TICKS;
      this.stream.write(0, { pts, dts: pts, wall: START_MS + pts / 90, key, data: sampleOf(nal) });
      this.#pictures += 1;
    }
  }
}

async function start(paths: string, streams: Record<string, Stream>, more = '', examined: string[] = []) {
  const events: NewEvent[] = [];
  let config = configOf(paths, more);
  const clock = new FakeClock();
  const add = (event: NewEvent) => Promise.reject(new Error(`kept by the test: ${events.push(event)}`));
  const lines: string[] = [];
  const turning = new Set<string>();
  const log = createLogger('info', (line) => lines.push(line));
  const recordings = { isClockTrusted: true, events: { hub: { add } } };
  const open = () => ({ at: () => {}, end: () => {}, close: () => {} });
  const host = {
    clock,
    recordings,
    config: () => config,
    settings: () => config,
    log,
    paths: { openStreams: () => Object.entries(streams) },
    examines: (path: string) => (examined.includes(path) ? ['person'] : []),
    isTurning: (path: string) => turning.has(path),
  } as unknown as ConstructorParameters<typeof StreamMotion>[0];
  const motion = new StreamMotion(host, async () => ({ open }));
  motion.apply();
  await vi.dynamicImportSettled();
  const apply = (next: string) => {
    config = configOf(next, more);
    motion.apply();
  };
  return { motion, events, apply, clock, recordings, lines, turning };
}

const secondsOf = (timeUs: number | undefined): number => ((timeUs ?? Number.NaN) / 1000 - START_MS) / 1000;

test('motion in the stream of a path begins and ends an event at its time', async () => {
  const camera = new Camera();
  const { events, motion } = await start('  yard: {motionSource: stream}', { yard: camera.stream });
  camera.film(60, 200);
  expect(motion.of('yard')).toMatchObject({ stream: 'yard', moving: false });
  expect(motion.of('yard')?.score).toBeLessThan(1);
  camera.film(4, 1500);
  expect(motion.of('yard')).toMatchObject({ moving: true });
  expect(motion.of('yard')?.score).toBeGreaterThan(1);
  camera.film(10, 200);
  expect(events).toMatchObject([
    { path: 'yard', type: 'motion', source: 'stream', state: 'start' },
    { path: 'yard', type: 'motion', source: 'stream', state: 'end', id: events[0]?.id },
  ]);
  expect(secondsOf(events[0]?.startUs)).toBeCloseTo(60.2, 0);
  expect(secondsOf(events[1]?.endUs)).toBeCloseTo(66.3, 0);
});

test('video of another codec, and none, are a problem only where motion is looked for in it', async () => {
  const streams: Record<string, Stream> = {
    yard: new Stream([mjpeg]),
    hall: new Stream([mjpeg]),
    bell: new Stream([]),
  };
  const paths = (yard: string): string => `  yard: {motionSource: ${yard}}\n  hall: {}\n  bell: {motionSource: both}`;
  const { motion, lines, apply } = await start(paths('stream'), streams, '', ['hall']);
  const problemOf = (name: string, reason: RegExp) => ({
    ...{ name, why: 'unreadable', since: '2026-01-01T00:00:00.000Z' },
    text: expect.stringMatching(reason),
  });
  const bell = problemOf('bell', /no motion is detected in its video; .*: the stream has no video/);
  expect(motion.problems()).toEqual([
    problemOf('yard', /choose another codec .*: it is mjpeg, and H\.264 or H\.265 is needed$/),
    bell,
  ]);
  expect(lines.map((line) => JSON.parse(line).path)).toEqual(['yard', 'bell']);
  apply(paths('stream'));
  expect(lines).toHaveLength(2);
  apply(paths('camera'));
  expect(motion.problems()).toEqual([bell]);
  delete streams['bell'];
  streams['yard'] = new Camera().stream;
  apply(paths('stream'));
  expect(motion.problems()).toEqual([]);
});

test('what moves while Perch turns the camera begins no event, and ends none', async () => {
  const camera = new Camera();
  const { events, turning } = await start('  yard: {motionSource: stream}', { yard: camera.stream });
  camera.film(60, 200);
  turning.add('yard');
  camera.film(4, 1500);
  camera.film(6, 200);
  expect(events).toEqual([]);
  turning.clear();
  camera.film(50, 200);
  expect(events).toEqual([]);
  camera.film(2, 1500);
  turning.add('yard');
  camera.film(2, 1500);
  expect(events).toMatchObject([{ path: 'yard', state: 'start' }]);
  camera.film(10, 200);
  expect(events).toMatchObject([{ state: 'start' }, { state: 'end', id: events[0]?.id }]);
});

test('a decoder that ends three times is one line in the log and a problem, until another connection is read', async () => {
  const camera = new Camera();
  const streams = { yard: camera.stream };
  const { motion, lines, apply } = await start('  yard: {motionSource: stream, motionZones: ["0,0 1,0 1,1"]}', streams);
  camera.film(1, 200);
  for (let i = 0; i < 5; i += 1) {
    expect([motion.problems(), lines]).toEqual(i < 3 ? [[], []] : [[expect.anything()], [expect.anything()]]);
    camera.filmHuge();
  }
  const text = expect.stringMatching(/^motion is detected in whole pictures only, .* ended 3 times, .* more memory/);
  expect(motion.problems()).toEqual([{ name: 'yard', why: 'noBlocks', text, since: '2026-01-01T00:00:00.000Z' }]);
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    ...{ path: 'yard', stream: 'yard', reason: expect.stringContaining('ended 3 times') },
    msg: expect.stringContaining('choose another codec or profile in the camera'),
  });
  expect(motion.of('yard')?.boxes).toBeNull();
  camera.stream.close();
  streams.yard = new Camera().stream;
  apply('  yard: {motionSource: stream}');
  expect(motion.problems()).toEqual([]);
});

test('video whose parameter sets are invalid is a problem of its camera', async () => {
  const stream = new Stream([{ ...TRACK, sps: Uint8Array.of(0x67) }]);
  const { motion, lines } = await start('  yard: {motionSource: stream}', { yard: stream });
  expect(motion.problems()).toMatchObject([{ name: 'yard', why: 'unreadable' }]);
  expect(lines.join()).toContain('no motion is detected in its video');
});

test('a camera that connects again with the same video has the same problem, and no further line in the log', async () => {
  const opened = () => new Stream([{ ...TRACK, sps: Uint8Array.of(0x67) }]);
  const streams = { yard: opened() };
  const { motion, lines, clock, apply } = await start('  yard: {motionSource: stream}', streams);
  const before = motion.problems();
  await clock.advance(90_000);
  streams.yard.close();
  streams.yard = opened();
  apply('  yard: {motionSource: stream}');
  expect([motion.problems(), lines]).toEqual([before, [expect.anything()]]);
});

test.for([
  ['camera', '  yard: {motionSource: camera}'],
  ['the default', '  yard: {}'],
] as const)('with motionSource %s nothing reads the stream', async ([, paths]) => {
  const camera = new Camera();
  const { motion } = await start(paths, { yard: camera.stream });
  expect(camera.stream.readers).toEqual([]);
  expect(motion.of('yard')).toBeUndefined();
});

test('a path whose pictures are examined is read without events of its own, until they are not', async () => {
  const camera = new Camera();
  const examined = ['yard'];
  const keys = '  yard: {motionSource: camera, motionMasks: ["0,0 0.5,0 0.5,1 0,1"]}';
  const { events, motion, apply } = await start(keys, { yard: camera.stream }, '', examined);
  camera.film(60, 200);
  camera.film(4, 1500);
  expect(events).toEqual([]);
  expect(motion.of('yard')).toBeUndefined();
  const movement = motion.movement('yard');
  expect([movement?.counts(0.25, 0.5), movement?.counts(0.75, 0.5)]).toEqual([false, true]);
  examined.length = 0;
  apply(keys);
  expect(camera.stream.readers).toEqual([]);
  expect(motion.movement('yard')).toBeUndefined();
});

test('a path without a stream answers without one', async () => {
  const { motion } = await start('  yard: {motionSource: stream}', {});
  expect(motion.of('yard')).toEqual({ stream: null, score: 0, moving: false, inHours: true, boxes: null });
  expect(motion.of('shed')).toBeUndefined();
});

test('the small stream is looked at while it is open, and the events are those of the camera', async () => {
  const [main, sub] = [new Camera(), new Camera()];
  const streams: Record<string, Stream> = { yard: main.stream, yard_sub: sub.stream };
  const { events, motion } = await start('  yard: {motionSource: both}\n  yard_sub: {}', streams);
  expect([main.stream.readers.length, sub.stream.readers.length]).toEqual([0, 1]);
  sub.film(60, 200);
  sub.film(2, 1500);
  expect(motion.of('yard')).toMatchObject({ stream: 'yard_sub', moving: true });
  // The sub stream ends, and with it the event; the main stream takes over.
  sub.stream.close();
  expect(events).toMatchObject([
    { path: 'yard', state: 'start' },
    { path: 'yard', state: 'end' },
  ]);
  expect(main.stream.readers).toHaveLength(1);
  streams['yard_sub'] = new Camera().stream;
  motion.apply();
  expect(main.stream.readers).toHaveLength(0);
});

test('a sub stream on demand is not looked at, and one that records motion gets the events, too', async () => {
  const [main, sub] = [new Camera(), new Camera(true)];
  const paths = '  yard: {motionSource: stream}\n  yard_sub: {record: motion}';
  const { events } = await start(paths, { yard: main.stream, yard_sub: sub.stream });
  expect([main.stream.readers.length, sub.stream.readers.length]).toEqual([1, 0]);
  main.film(60, 200);
  main.film(2, 1500);
  expect(events.map(({ path }) => path)).toEqual(['yard', 'yard_sub']);
});

test('a changed sensitivity applies at once, and camera ends the event', async () => {
  const camera = new Camera();
  const { events, apply } = await start('  yard: {motionSource: stream, motionSensitivity: 0}', {
    yard: camera.stream,
  });
  camera.film(60, 1000);
  camera.film(3, 1100);
  expect(events).toEqual([]);
  camera.film(20, 1000);
  apply('  yard: {motionSource: stream, motionSensitivity: 100}');
  camera.film(3, 1150);
  expect(events).toMatchObject([{ state: 'start' }]);
  apply('  yard: {motionSource: camera}');
  expect(events).toMatchObject([{ state: 'start' }, { state: 'end' }]);
  expect(camera.stream.readers).toEqual([]);
});

test('a stream of another codec has no motion', async () => {
  const stream = new Stream([{ kind: 'video', codec: 'mjpeg', clockRate: 90_000, width: 64, height: 64, fps: 10 }]);
  const { motion } = await start('  yard: {motionSource: stream}', { yard: stream });
  expect(motion.of('yard')).toMatchObject({ stream: null });
  expect(stream.readers).toEqual([]);
});

test('motion counts within its hours: an event begins and ends with them, in the zone of the timetable', async () => {
  const camera = new Camera();
  const hours = '  yard: {motionSource: stream, motionHours: 02:00-03:00}';
  // The fake clock begins at midnight UTC: one in the night in Vienna.
  const { events, apply, motion, clock } = await start(hours, { yard: camera.stream }, 'timetableZone: Europe/Vienna');
  camera.film(60, 200);
  camera.film(3, 1500);
  expect(motion.of('yard')).toMatchObject({ moving: false, inHours: false });
  expect(motion.of('yard')?.score).toBeGreaterThan(1);
  expect(events).toEqual([]);
  await clock.advance(60 * 60_000);
  camera.film(1, 1500);
  expect(motion.of('yard')).toMatchObject({ moving: true, inHours: true });
  expect(events).toMatchObject([{ state: 'start' }]);
  await clock.advance(60 * 60_000);
  camera.film(1, 1500);
  expect(events).toMatchObject([{ state: 'start' }, { state: 'end', id: events[0]?.id }]);
  // Changed hours apply at once.
  apply('  yard: {motionSource: stream}');
  camera.film(1, 1500);
  expect(events).toHaveLength(3);
});

test('hours do not count while the box does not know the time', async () => {
  const camera = new Camera();
  const started = await start('  yard: {motionSource: stream, motionHours: 02:00-03:00}', { yard: camera.stream });
  started.recordings.isClockTrusted = false;
  camera.film(60, 200);
  camera.film(3, 1500);
  expect(started.events).toMatchObject([{ state: 'start' }]);
});

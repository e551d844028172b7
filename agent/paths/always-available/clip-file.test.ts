import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { keepLogLines } from '../../../test/support/base/log-lines.ts';
import { plainMp4 } from '../../../test/support/media/plain-mp4.ts';
import { tinyH264, tinyVideo } from '../../../test/support/media/tiny-h264.ts';
import { writeAacConfig } from '../../media/aac/params.ts';
import type { Sample } from '../../media/sample/sample.ts';
import type { AacTrack } from '../../media/sample/track.ts';
import { type Reader, Stream } from '../../stream/stream.ts';
import { AlwaysAvailable } from './always-available.ts';
import { type Clip, openClip } from './clip.ts';
import { ClipFile } from './clip-file.ts';

const AAC: AacTrack = {
  kind: 'audio',
  codec: 'aac',
  clockRate: 8_000,
  channels: 1,
  frameSamples: 1_024,
  config: writeAacConfig(8_000, 1) as Uint8Array,
};
const CLIP_SOUND = '07070707';

/** A second of pictures and sound. */
const CLIP = plainMp4([
  {
    track: tinyH264,
    timescale: 12_800,
    samples: tinyVideo(10, 10, 10).map(({ data, key }) => ({ data, isKey: key, ticks: 1_280 })),
  },
  {
    track: AAC,
    timescale: 8_000,
    samples: Array.from({ length: 8 }, () => ({ data: Buffer.from(CLIP_SOUND, 'hex'), isKey: true, ticks: 1_024 })),
  },
]);

function setup(bytes: Uint8Array | undefined) {
  const folder = mkdtempSync(join(tmpdir(), 'perch-clip-'));
  const path = join(folder, 'clip.mp4');
  if (bytes) {
    writeFileSync(path, bytes);
  }
  const clock = new FakeClock();
  const { log, logged } = keepLogLines();
  const samples: (Sample & { readonly track: number })[] = [];
  const streams: Stream[] = [];
  let ends = 0;
  const reader: Reader = {
    id: 'test',
    onSample: (track, sample) => samples.push({ track, ...sample, data: Uint8Array.from(sample.data) }),
    onTrack: () => {},
    onEnd: () => {
      ends += 1;
    },
  };
  const always = new AlwaysAvailable([], new ClipFile(path, clock, log), clock, (stream) => {
    streams.push(stream);
    stream.addReader(reader, true);
  });
  onTestFinished(() => {
    always.close();
    rmSync(folder, { recursive: true });
  });
  /** Time passes while the disk is read, until this many more samples of a track have come. */
  const more = (track: number, count: number) => {
    const wanted = samples.filter((one) => one.track === track).length + count;
    const passed = () => clock.advance(20).then(() => samples.filter((one) => one.track === track).length);
    return expect.poll(passed, { interval: 2, timeout: 10_000 }).toBeGreaterThanOrEqual(wanted);
  };
  return { clock, logged, always, samples, streams, more, path, ends: () => ends };
}

const timesOf = (samples: readonly (Sample & { readonly track: number })[], track: number, rate: number) =>
  samples.filter((one) => one.track === track).map(({ dts }) => (1_000 * dts) / rate);

/** Largest distance of two samples in milliseconds; all increase. */
function longestGap(times: readonly number[]): number {
  const distances = times.slice(1).map((time, i) => time - (times[i] as number));
  expect(Math.min(...distances)).toBeGreaterThan(0);
  return Math.max(...distances);
}

test('before the source is online the clip plays in its own tracks, again and again', async () => {
  const { always, streams, samples, more } = setup(CLIP);
  await always.start();
  expect(streams.map(({ tracks }) => tracks.map(({ codec }) => codec))).toEqual([['h264', 'aac']]);
  await more(0, 35);
  expect(longestGap(timesOf(samples, 0, 90_000))).toBeLessThan(150);
  expect(longestGap(timesOf(samples, 1, 8_000))).toBeLessThan(150);
  expect(samples.filter(({ track, key }) => track === 0 && key).length).toBeGreaterThanOrEqual(3);
});

test('the source takes over from the clip, and the clip from the source, for the same readers', async () => {
  const { always, clock, samples, more, streams, ends } = setup(CLIP);
  await always.start();
  await more(0, 5);
  const live = new Stream([tinyH264]);
  always.join(live);
  const before = samples.length;
  for (const sample of tinyVideo(20, 10, 10, 5_000_000)) {
    live.write(0, sample);
    await clock.advance(100);
  }
  const during = samples.slice(before);
  expect(during.filter(({ track }) => track === 0).length).toBeGreaterThanOrEqual(20);
  // The source has no audio: there is silence, not the sound of the clip.
  const sound = during.filter(({ track }) => track === 1).map(({ data }) => Buffer.from(data).toString('hex'));
  expect(sound.length).toBeGreaterThan(10);
  expect(sound.filter((data) => data === CLIP_SOUND)).toEqual([]);
  live.close();
  await more(1, 10);
  expect(Buffer.from(samples.findLast(({ track }) => track === 1)?.data ?? []).toString('hex')).toBe(CLIP_SOUND);
  expect(longestGap(timesOf(samples, 0, 90_000))).toBeLessThan(350);
  expect([streams.length, ends()]).toEqual([1, 0]);
});

test.for([
  ['that is not there', undefined, 'ENOENT'],
  ['that is no MP4 file', Buffer.from('nothing of this kind, not at all'), "does not begin with 'ftyp'"],
] as const)('with a file %s the log says why, and the picture comes instead', async ([, bytes, reason]) => {
  const { always, logged, path, streams, samples, more } = setup(bytes);
  await always.start();
  const facts = { file: path, reason: expect.stringContaining(reason) };
  expect(logged).toEqual([['error', 'alwaysAvailableFile cannot be played', facts]]);
  const live = new Stream([tinyH264]);
  always.join(live);
  live.write(0, tinyVideo(1, 10, 10)[0] as Sample);
  live.close();
  await more(0, 10);
  expect([streams.length, samples.at(-1)?.track]).toEqual([1, 0]);
});

test('a disk that hangs holds one open of the file for all of its paths, and is asked again once that has ended', async () => {
  const { clock, path } = setup(CLIP);
  const { log, logged } = keepLogLines();
  const hung = Promise.withResolvers<Clip>();
  let opens = 0;
  const open = (file: string) => {
    opens += 1;
    return opens === 1 ? hung.promise : openClip(file);
  };
  const [one, other] = [new ClipFile(path, clock, log, open), new ClipFile(path, clock, log, open)];
  const first = [one.open(() => {}), other.open(() => {})];
  await clock.advance(5_000);
  expect(await Promise.all(first)).toEqual([undefined, undefined]);
  expect(await one.open(() => {})).toBeUndefined();
  expect(opens).toBe(1);
  expect(logged.map(([, , facts]) => facts)).toMatchObject([
    { reason: 'no answer from its disk within 5 s' },
    { reason: 'its disk still does not answer' },
    { reason: 'its disk still does not answer' },
  ]);
  const late = await openClip(path);
  hung.resolve(late);
  await expect.poll(() => late.handle.fd).toBe(-1);
  const player = await other.open(() => {});
  expect([opens, player?.tracks.length]).toEqual([2, 2]);
  player?.close();
});

test('a file that has been replaced plays at the end of the loop', async () => {
  const { always, more, path, samples, logged } = setup(CLIP);
  await always.start();
  await more(1, 3);
  writeFileSync(
    `${path}.new`,
    Buffer.from(Buffer.from(CLIP).toString('hex').replaceAll(CLIP_SOUND, '09090909'), 'hex'),
  );
  renameSync(`${path}.new`, path);
  const sound = () => Buffer.from(samples.findLast(({ track }) => track === 1)?.data ?? []).toString('hex');
  await expect.poll(() => more(1, 1).then(sound), { timeout: 10_000 }).toBe('09090909');
  expect(logged.map(([, phrase]) => phrase)).toEqual(['alwaysAvailableFile has changed and is opened again']);
});

test('a file that is being copied, and is cut when it is read, plays once it is whole; the log repeats no reason', async () => {
  const { always, more, path, samples, logged } = setup(CLIP);
  await always.start();
  await more(1, 3);
  const sound = () => Buffer.from(samples.findLast(({ track }) => track === 1)?.data ?? []).toString('hex');
  const copy = Buffer.from(Buffer.from(CLIP).toString('hex').replaceAll(CLIP_SOUND, '09090909'), 'hex');
  writeFileSync(path, copy.subarray(0, 100));
  await expect.poll(() => more(1, 1).then(sound), { timeout: 10_000 }).not.toBe(CLIP_SOUND);
  await more(1, 300);
  const reasons = logged
    .filter(([level]) => level === 'error')
    .map(([, , facts]) => (facts as { reason?: unknown }).reason);
  expect(reasons).not.toEqual([]);
  expect(reasons.filter((reason, i) => reason === reasons[i - 1])).toEqual([]);
  writeFileSync(path, copy);
  await expect.poll(() => more(1, 1).then(sound), { timeout: 10_000 }).toBe('09090909');
});

test('a file that comes later plays then', async () => {
  const { always, clock, path, streams } = setup(undefined);
  await always.start();
  expect(streams).toEqual([]);
  writeFileSync(path, CLIP);
  await expect.poll(() => clock.advance(1_000).then(() => streams.length), { timeout: 10_000 }).toBe(1);
});

test('a source that does not fit the clip is rejected with both lists', async () => {
  const { always } = setup(CLIP);
  await always.start();
  const opus = { kind: 'audio', codec: 'opus', clockRate: 48_000, channels: 2 } as const;
  expect(() => always.join(new Stream([opus]))).toThrow('its tracks (opus) do not fit alwaysAvailableFile (h264, aac)');
});

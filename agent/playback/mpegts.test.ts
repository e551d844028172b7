import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { byLength } from '../../test/peers/programs/peers.ts';
import { random } from '../../test/support/base/random.ts';
import {
  feed,
  opusSound,
  opusTrack,
  record,
  startRecorder,
  temporaryFolder,
  WALL,
} from '../../test/support/disks/recordings.ts';
import { readPlaylist, readSamples, resourceBytes } from '../../test/support/disks/vod.ts';
import { TEMPLATE } from '../../test/support/harness/playback.ts';
import { readPlainMp4 } from '../../test/support/media/read-mp4.ts';
import { tinyH264, tinyVideo } from '../../test/support/media/tiny-h264.ts';
import { TsWriter } from '../../test/support/media/ts-writer.ts';
import { PerchError } from '../base/errors.ts';
import { silentLogger } from '../base/log.ts';
import type { Sample } from '../media/sample/sample.ts';
import { Playback } from './playback.ts';

/** Playback of paths that are recorded as MPEG-TS, and what it warned of. */
function openPlayback(folder: string, isBeingWritten = (_file: string) => false) {
  const warnings: unknown[] = [];
  const recordPath = join(folder, TEMPLATE);
  const playback = new Playback({
    file: join(folder, 'index.db'),
    zone: 'UTC',
    logger: { ...silentLogger, warn: (facts: object) => warnings.push(facts) } as typeof silentLogger,
    paths: {
      recordPathOf: () => ({ recordPath, format: 'mpegts' }),
      recordPaths: () => [recordPath],
      hasRecorded: () => false,
    },
    isBeingWritten,
  });
  return Object.assign(playback, { warnings, [Symbol.asyncDispose]: () => playback.close() });
}

const starts = async (playback: Playback) => (await playback.segments('cam'))?.map(({ start }) => start);
const list = (playback: Playback) => playback.list('cam', undefined, undefined, 'http://h/');
const bytesOf = async (playback: Playback, startMs: number, seconds: number, format: 'fmp4' | 'mp4' = 'fmp4') => {
  const { file, end } = await playback.get({ path: 'cam', startUs: startMs * 1000, durationUs: seconds * 1e6, format });
  return { bytes: Buffer.concat(await file.read(0, file.sizeBytes).toArray()), end };
};

/** The media of a download of the same recording in both formats. */
async function both(seconds: number, options: object, startMs: number, wantedSeconds: number, format: 'fmp4' | 'mp4') {
  const found: Buffer[] = [];
  for (const recordFormat of ['fmp4', 'mpegts'] as const) {
    using folder = temporaryFolder();
    await record(folder.path, seconds, { ...options, format: recordFormat });
    await using playback = openPlayback(folder.path);
    found.push((await bytesOf(playback, startMs, wantedSeconds, format)).bytes);
  }
  return found;
}

test('recordings in MPEG-TS are listed and joined like those in MP4', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 6, { segmentDurationMs: 2_500, format: 'mpegts' });
  await using playback = openPlayback(folder.path);
  expect(await starts(playback)).toEqual(['2026-07-01T12:00:00Z', '2026-07-01T12:00:03Z']);
  expect(await playback.names()).toEqual(['cam']);
  expect((await list(playback)).map(({ start, duration }) => [start, duration])).toEqual([['2026-07-01T12:00:00Z', 6]]);
  expect(playback.warnings).toEqual([]);
});

test.for([
  ['the whole recording', 0, 6, 'mp4'],
  ['a part over the seam of two files', 1_500, 3, 'mp4'],
  ['a part within one file', 3_400, 1, 'mp4'],
] as const)('%s is the same download as from MP4', async ([, fromMs, seconds, format]) => {
  const [mp4, ts] = await both(6, { segmentDurationMs: 2_500 }, WALL + fromMs, seconds, format);
  expect(ts?.length).toBeGreaterThan(1_000);
  expect(ts?.equals(mp4 as Buffer)).toBe(true);
});
test('with audio the samples and their times are those of MP4', async () => {
  const [mp4, ts] = await both(6, { sound: true }, WALL + 1_200, 3, 'mp4');
  const [fromMp4, fromTs] = [mp4, ts].map((bytes) => readPlainMp4(bytes as Buffer));
  expect(fromTs?.size).toBe(2);
  expect(fromTs).toEqual(fromMp4);
});

/** Records samples of pictures and, if there are any, sound. @returns the file */
async function recordSamples(folder: string, video: Sample[], sound: Sample[] = []): Promise<string> {
  const tracks = sound.length > 0 ? [tinyH264, opusTrack] : [tinyH264];
  await using running = startRecorder(folder, { format: 'mpegts' }, tracks);
  feed(running.stream, sound.length > 0 ? [video, sound] : [video]);
  running.stream.close();
  await running.recorder.stop();
  return running.log.names[0] ?? '';
}

test.for([
  ['sound', 1_800, 4_500],
  ['the picture', 900, 9_000],
] as const)(
  'a recording in which %s pauses for 90 seconds is played to its end',
  async ([paused, pictures, sounds]) => {
    using folder = temporaryFolder();
    const without = <T>(samples: T[], perSecond: number) =>
      samples.filter((_, i) => i < 10 * perSecond || i >= 100 * perSecond);
    const [video, sound] = [tinyVideo(1_800, 10, 10, 900_000, WALL), opusSound(9_000, 480_000, WALL)];
    await (paused === 'sound'
      ? recordSamples(folder.path, video, without(sound, 50))
      : recordSamples(folder.path, without(video, 10), sound));
    await using playback = openPlayback(folder.path);
    expect((await list(playback)).map(({ duration }) => duration)).toEqual([180]);
    const played = readPlainMp4((await bytesOf(playback, WALL, 200, 'mp4')).bytes);
    expect([...played.values()].map(({ length }) => length)).toEqual([pictures, sounds]);
  },
);

test('a file ends where its pictures jump two minutes ahead: they belong to another recording', async () => {
  using folder = temporaryFolder();
  using other = temporaryFolder();
  const file = await recordSamples(folder.path, tinyVideo(50, 10, 10, 900_000, WALL));
  const later = await recordSamples(other.path, tinyVideo(50, 10, 10, 900_000 + 120 * 90_000, WALL));
  writeFileSync(file, Buffer.concat([readFileSync(file), readFileSync(later)]));
  await using playback = openPlayback(folder.path);
  const played = readPlainMp4((await bytesOf(playback, WALL, 200, 'mp4')).bytes);
  expect(played.get(1)?.length).toBe(50);
});

test('the still at a time is the key picture of its group', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 6, { sound: true, format: 'mpegts' });
  await using playback = openPlayback(folder.path);
  const frame = await playback.frame('cam', (WALL + 2_700) * 1000);
  expect(frame).toMatchObject({ timeUs: (WALL + 2_000) * 1000, isFinal: true });
});

test('faster playback takes the key pictures', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 6, { format: 'mpegts' });
  await using playback = openPlayback(folder.path);
  const query = { path: 'cam', startUs: WALL * 1000, durationUs: 6e6, format: 'mp4', speed: 4 } as const;
  const { file } = await playback.get(query);
  const bytes = Buffer.concat(await file.read(0, file.sizeBytes).toArray());
  expect(readPlainMp4(bytes).get(1)).toHaveLength(6);
});

test('a range of a download has the same bytes as the whole', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 6, { sound: true, format: 'mpegts' });
  await using playback = openPlayback(folder.path);
  const { file } = await playback.get({ path: 'cam', startUs: WALL * 1000, durationUs: 6e6, format: 'mp4' });
  const whole = Buffer.concat(await file.read(0, file.sizeBytes).toArray());
  for (const [from, to] of [
    [0, 100],
    [whole.length - 5_000, whole.length],
    [3_000, 20_000],
  ] as const) {
    expect(Buffer.concat(await file.read(from, to).toArray()).equals(whole.subarray(from, to))).toBe(true);
  }
});

test('a recording in MPEG-TS is played as HLS, its segments beginning with key pictures', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 6, { sound: true, format: 'mpegts' });
  await using playback = openPlayback(folder.path);
  const { segments } = readPlaylist(await playback.streams.media('cam', { startUs: WALL * 1000, durationUs: 60e6 }));
  expect(segments.reduce((sum, { seconds }) => sum + seconds, 0)).toBeCloseTo(6, 1);
  const bytes = await resourceBytes(playback.streams, segments[0]?.uri ?? '');
  const samples = await readSamples(folder.path, bytes);
  expect(samples.filter(({ trackId }) => trackId === 1)).toHaveLength(60);
  expect(samples.filter(({ trackId }) => trackId === 2).length).toBeGreaterThan(290);
  expect(samples[0]).toMatchObject({ trackId: 1, isSync: true });
});

test('a growing recording is played up to its last whole group of pictures, and further when it has grown', async () => {
  using folder = temporaryFolder();
  const [file = ''] = await record(folder.path, 8, { format: 'mpegts' });
  const bytes = readFileSync(file);
  const isNull = (at: number) => bytes.readUInt16BE(at + 1) === 0x1fff;
  const parts = Array.from({ length: bytes.length / 188 }, (_, i) => 188 * i).filter(isNull);
  const upTo = (part: number) => writeFileSync(file, bytes.subarray(0, (parts[part] as number) + 188));
  upTo(4);
  let isOpen = true;
  await using playback = openPlayback(folder.path, () => isOpen);
  const seconds = async () => (await list(playback)).map(({ duration }) => duration);
  expect(await seconds()).toEqual([4]);
  const picturesOf = async () => readPlainMp4((await bytesOf(playback, WALL, 60, 'mp4')).bytes).get(1)?.length;
  expect(await picturesOf()).toBe(30);
  upTo(7);
  expect(await picturesOf()).toBe(60);
  isOpen = false;
  writeFileSync(file, bytes);
  expect(await picturesOf()).toBe(80);
  expect(await seconds()).toEqual([8]);
});

test('a file of another program is played, and its duration is measured', async () => {
  using folder = temporaryFolder();
  mkdirSync(join(folder.path, 'cam'));
  const writer = new TsWriter().pat().pmt([{ pid: 0x100, type: 0x1b }]);
  const sets = Buffer.concat([tinyH264.sps, ...tinyH264.pps].flatMap((set) => [Buffer.from([0, 0, 0, 1]), set]));
  for (const { dts, key, data } of tinyVideo(30, 10, 10)) {
    const picture = Buffer.concat([Buffer.from([0, 0, 0, 1]), data.subarray(4)]);
    writer.pes(0x100, key ? Buffer.concat([sets, picture]) : picture, { pts: 900_000 + dts });
  }
  writeFileSync(join(folder.path, 'cam/2026-07-01_12-00-00-000000.ts'), writer.bytes);
  await using playback = openPlayback(folder.path);
  expect((await list(playback)).map(({ start, duration }) => [start, Math.round(duration)])).toEqual([
    ['2026-07-01T12:00:00Z', 3],
  ]);
  expect(readPlainMp4((await bytesOf(playback, WALL + 1_000, 60, 'mp4')).bytes).get(1)).toHaveLength(20);
});

test('a recording in MPEG-TS is deleted by its start', async () => {
  using folder = temporaryFolder();
  const files = await record(folder.path, 6, { segmentDurationMs: 2_500, format: 'mpegts' });
  await using playback = openPlayback(folder.path);
  await playback.deleteSegment('cam', '2026-07-01T12:00:00Z', () => undefined);
  expect(files.map((file) => existsSync(file))).toEqual([false, true]);
  expect(await starts(playback)).toEqual(['2026-07-01T12:00:03Z']);
});

test('MP4 and MPEG-TS recordings of a path are listed together', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 3);
  await record(folder.path, 3, { format: 'mpegts', wall: WALL + 10_000 });
  await using playback = openPlayback(folder.path);
  expect(await starts(playback)).toEqual(['2026-07-01T12:00:00Z', '2026-07-01T12:00:10Z']);
  expect((await list(playback)).map(({ start, duration }) => [start, duration])).toEqual([
    ['2026-07-01T12:00:00Z', 3],
    ['2026-07-01T12:00:10Z', 3],
  ]);
});

test('a finished file is not read again at the next start, a truncated one is', async () => {
  using folder = temporaryFolder();
  const [file = ''] = await record(folder.path, 3, { format: 'mpegts' });
  await using playback = openPlayback(folder.path);
  await starts(playback);
  expect(playback.isFinished(file)).toBe(true);
  const cut = file.replace('12-00-00', '13-00-00');
  writeFileSync(cut, readFileSync(file).subarray(0, -188));
  await starts(playback);
  expect(playback.isFinished(cut)).toBe(false);
});

test('files without a stream are not listed, and reported', async () => {
  using folder = temporaryFolder();
  mkdirSync(join(folder.path, 'cam'));
  const nameOf = (second: number) => join(folder.path, `cam/2026-07-01_12-00-0${second}-000000.ts`);
  writeFileSync(nameOf(1), new Uint8Array(1880).fill(0x47));
  writeFileSync(nameOf(2), new Uint8Array(1880));
  await using playback = openPlayback(folder.path);
  expect(await starts(playback)).toEqual([]);
  expect(playback.warnings).toEqual([
    { file: nameOf(1), cause: 'recording of 1880 bytes: nothing in it plays' },
    { file: nameOf(2), cause: 'recording of 1880 bytes does not begin with an MPEG-TS packet' },
  ]);
});

test('damaged recordings in MPEG-TS are read as far as possible, or rejected with a PerchError', async () => {
  using folder = temporaryFolder();
  const [file = ''] = await record(folder.path, 4, { sound: true, format: 'mpegts' });
  const bytes = readFileSync(file);
  const next = random(188);
  let given = 0;
  for (let round = 0; round < byLength(15, 40); round += 1) {
    const copy = Buffer.from(bytes);
    for (let changes = Math.floor(next() * 30); changes >= 0; changes -= 1) {
      copy[Math.floor(next() * copy.length)] = Math.floor(next() * 256);
    }
    writeFileSync(file, next() < 0.3 ? copy.subarray(0, Math.floor(next() * copy.length)) : copy);
    rmSync(join(folder.path, 'index.db'), { force: true });
    await using playback = openPlayback(folder.path);
    try {
      given += (await bytesOf(playback, WALL, 10, 'mp4')).bytes.length > 0 ? 1 : 0;
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
  expect(given).toBeGreaterThan(byLength(2, 5));
});

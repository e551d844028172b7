import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { byLength } from '../../test/peers/programs/peers.ts';
import { random } from '../../test/support/base/random.ts';
import { asNobody, feed, record, startRecorder, temporaryFolder, WALL } from '../../test/support/disks/recordings.ts';
import { getBytes, openPlayback } from '../../test/support/harness/playback.ts';
import { readPlainMp4 } from '../../test/support/media/read-mp4.ts';
import { tinyVideo } from '../../test/support/media/tiny-h264.ts';
import { formatRecordPath } from '../record/file/record-path.ts';
import type { Playback } from './playback.ts';
import { parseRfc3339 } from './read/rfc3339.ts';

const spans = async (playback: Playback, start?: string, end?: string) =>
  (
    await playback.list('cam', start ? parseRfc3339(start) : undefined, end ? parseRfc3339(end) : undefined, 'http://h')
  ).map((entry) => [entry.start, entry.duration] as const);

test('recordings that continue each other are one timespan, a restart begins another', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 6, { segmentDurationMs: 2_000 });
  await record(folder.path, 3, { wall: WALL + 6_000 });
  await using playback = openPlayback(folder.path);
  expect(await spans(playback)).toEqual([
    ['2026-07-01T12:00:00Z', 6],
    ['2026-07-01T12:00:06Z', 3],
  ]);
});

test('short recordings within a long one, as after the clock was set back, do not hide its rest', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 60);
  await record(folder.path, 5, { wall: WALL + 10_000 });
  await record(folder.path, 5, { wall: WALL + 20_000 });
  await using playback = openPlayback(folder.path);
  expect((await spans(playback)).map(([, seconds]) => seconds)).toEqual([60, 5, 5]);
  expect(await spans(playback, '2026-07-01T12:00:30Z')).toEqual([['2026-07-01T12:00:30Z', 30]]);
  for (const [fromS, seconds] of [
    [12, 3],
    [17, 43],
    [30, 30],
  ] as const) {
    const pictures = readPlainMp4(await getBytes(playback, fromS * 1_000, 60, 'mp4')).get(1) ?? [];
    expect([fromS, pictures.filter(({ shownTime }) => shownTime >= 0).length]).toEqual([fromS, 10 * seconds]);
  }
});

test('the url of a timespan asks for exactly this timespan', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 3);
  await using playback = openPlayback(folder.path);
  const [entry] = await playback.list('cam', undefined, undefined, 'https://box:8080/playback');
  expect(entry?.url).toBe('https://box:8080/playback/get?duration=3&path=cam&start=2026-07-01T12%3A00%3A00Z');
});

test.for([
  [
    '2026-07-01T12:00:01Z',
    undefined,
    [
      ['2026-07-01T12:00:01Z', 5],
      ['2026-07-01T12:00:20Z', 3],
    ],
  ],
  [
    '2026-07-01T14:00:01+02:00',
    undefined,
    [
      ['2026-07-01T14:00:01+02:00', 5],
      ['2026-07-01T12:00:20Z', 3],
    ],
  ],
  [
    '2026-07-01T11:00:00Z',
    undefined,
    [
      ['2026-07-01T12:00:00Z', 6],
      ['2026-07-01T12:00:20Z', 3],
    ],
  ],
  ['2026-07-01T12:00:10Z', undefined, [['2026-07-01T12:00:20Z', 3]]],
  [
    undefined,
    '2026-07-01T12:00:21.5Z',
    [
      ['2026-07-01T12:00:00Z', 6],
      ['2026-07-01T12:00:20Z', 1.5],
    ],
  ],
  [undefined, '2026-07-01T12:00:05Z', [['2026-07-01T12:00:00Z', 5]]],
  ['2026-07-01T12:00:01Z', '2026-07-01T12:00:05Z', [['2026-07-01T12:00:01Z', 4]]],
] as const)('from %s to %s the list has %j', async ([start, end, expected]) => {
  using folder = temporaryFolder();
  await record(folder.path, 6, { segmentDurationMs: 2_000 });
  await record(folder.path, 3, { wall: WALL + 20_000 });
  await using playback = openPlayback(folder.path);
  expect(await spans(playback, start, end)).toEqual(expected);
});

test.for([
  ['nothing was recorded', undefined, undefined],
  ['everything has ended before', '2026-07-02T00:00:00Z', undefined],
  ['everything begins later', undefined, '2026-06-01T00:00:00Z'],
] as const)('when %s the answer is that nothing was found', async ([what, start, end]) => {
  using folder = temporaryFolder();
  if (what !== 'nothing was recorded') {
    await record(folder.path, 2);
  }
  await using playback = openPlayback(folder.path);
  await expect(spans(playback, start, end)).rejects.toMatchObject({
    code: 'notFound',
    message: 'no recording segments found',
  });
});

test('an end before the start leaves nothing', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 10);
  await using playback = openPlayback(folder.path);
  const asked = spans(playback, '2026-07-01T12:00:06Z', '2026-07-01T12:00:03Z');
  await expect(asked).rejects.toThrow('no recording segments found');
});

test('a name that no disk can hold has no recordings', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 2);
  await using playback = openPlayback(folder.path);
  const asked = playback.list('x'.repeat(4_000), undefined, undefined, '');
  await expect(asked).rejects.toThrow('no recording segments found');
});

test.for(['../other', '..', 'cam/../../other', 'ca\0m', '', 'a//../b'])(
  "the name '%s' leads nowhere, although the configuration has a path for every name",
  async (name) => {
    using folder = temporaryFolder();
    const inner = join(folder.path, 'recordings');
    await record(join(folder.path, 'other'), 2);
    await record(inner, 2);
    await using playback = openPlayback(inner, join(folder.path, 'index.db'));
    expect(await playback.segments(name)).toBeUndefined();
    await expect(playback.deleteSegment(name, '2026-07-01T12:00:00Z', () => undefined)).rejects.toThrow(
      'not configured',
    );
    await expect(playback.list(name, undefined, undefined, '')).rejects.toThrow('not configured');
  },
);

test('a path that is not configured is rejected by name', async () => {
  using folder = temporaryFolder();
  await using playback = openPlayback(folder.path);
  await expect(playback.list('unknown', undefined, undefined, '')).rejects.toMatchObject({
    code: 'badInput',
    message: "path 'unknown' is not configured",
  });
});

test('a growing recording is listed up to its last complete part', async () => {
  using folder = temporaryFolder();
  await using playback = openPlayback(folder.path);
  await using running = startRecorder(folder.path);
  const video = tinyVideo(80, 10, 10, 0, WALL);
  feed(running.stream, [video.slice(0, 35)]);
  await expect.poll(() => spans(playback).catch(() => [])).toEqual([['2026-07-01T12:00:00Z', 3]]);
  feed(running.stream, [video.slice(35, 65)]);
  await expect.poll(() => spans(playback)).toEqual([['2026-07-01T12:00:00Z', 6]]);
});

test('new, deleted and earlier files are found by the next request', async () => {
  using folder = temporaryFolder();
  const [first = ''] = await record(folder.path, 2);
  await using playback = openPlayback(folder.path);
  expect(await spans(playback)).toHaveLength(1);
  const later = formatRecordPath(join(folder.path, '%path/%Y-%m-%d_%H-%M-%S-%f'), 'cam', WALL + 60_000, 'UTC');
  copyFileSync(first, later);
  expect(await spans(playback)).toEqual([
    ['2026-07-01T12:00:00Z', 2],
    ['2026-07-01T12:01:00Z', 2],
  ]);
  unlinkSync(first);
  expect(await spans(playback)).toEqual([['2026-07-01T12:01:00Z', 2]]);
  rmSync(dirname(first), { recursive: true });
  await expect(spans(playback)).rejects.toThrow('no recording segments found');
});

test.for([
  ['is missing', (file: string) => rmSync(file)],
  ['is not a database', (file: string) => writeFileSync(file, 'this is no database at all, whatever its name says')],
  ['is damaged in the middle', (file: string) => writeFileSync(file, readFileSync(file).fill(0x55, 4_200))],
] as const)('an index that %s is rebuilt from the files', async ([, spoil]) => {
  using folder = temporaryFolder();
  await record(folder.path, 6, { segmentDurationMs: 2_000 });
  const file = join(folder.path, 'index.db');
  {
    await using playback = openPlayback(folder.path);
    expect(await spans(playback)).toHaveLength(1);
  }
  spoil(file);
  await using playback = openPlayback(folder.path);
  await playback.list('cam', undefined, undefined, '').catch(() => {});
  expect(await spans(playback)).toEqual([['2026-07-01T12:00:00Z', 6]]);
});

test('an index damaged in use that cannot be removed continues in memory', async () => {
  using folder = temporaryFolder();
  const [file = ''] = await record(folder.path, 2);
  const index = join(folder.path, 'index.db');
  {
    await using before = openPlayback(folder.path, index);
    await before.rebuild(new AbortController().signal);
  }
  writeFileSync(index, readFileSync(index).fill(0x55, 4_200));
  await using playback = openPlayback(folder.path, index);
  rmSync(`${index}-shm`, { force: true });
  mkdirSync(`${index}-shm`);
  playback.segmentLog.opened({ path: 'cam', file, startUs: WALL * 1000 });
  expect(await spans(playback)).toEqual([['2026-07-01T12:00:00Z', 2]]);
});

test('an index that cannot be written lives in memory', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 2);
  await using playback = openPlayback(folder.path, join(folder.path, 'no such folder/index.db'));
  expect(await spans(playback)).toEqual([['2026-07-01T12:00:00Z', 2]]);
});

test('empty, headerless and broken files are left out, and the others are listed', async () => {
  using folder = temporaryFolder();
  const [first = ''] = await record(folder.path, 2);
  const at = (second: number) => first.replace('12-00-00', `12-00-${second}`);
  writeFileSync(at(10), '');
  writeFileSync(at(11), readFileSync(first).subarray(0, 200));
  writeFileSync(at(12), Buffer.alloc(10_000, 0x41));
  await using playback = openPlayback(folder.path);
  expect(await spans(playback)).toEqual([['2026-07-01T12:00:00Z', 2]]);
  // A damaged file may have been repaired meanwhile.
  copyFileSync(first, at(10));
  expect(await spans(playback)).toHaveLength(2);
});

test('a recording that cannot be opened for a time is listed again afterwards', async () => {
  using folder = temporaryFolder();
  const [file = ''] = await record(folder.path, 2);
  await using playback = openPlayback(folder.path, ':memory:');
  chmodSync(file, 0o000);
  await expect(asNobody(folder.path, () => spans(playback))).rejects.toThrow('no recording segments found');
  chmodSync(file, 0o644);
  expect(await spans(playback)).toEqual([['2026-07-01T12:00:00Z', 2]]);
});

test('a file with a garbage tail is listed and played up to its last complete part', async () => {
  using folder = temporaryFolder();
  await using running = startRecorder(folder.path);
  feed(running.stream, [tinyVideo(45, 10, 10, 0, WALL)]);
  await running.recorder.stop();
  const [file = ''] = running.log.names;
  const bytes = readFileSync(file);
  const mvhd = bytes.indexOf('mvhd');
  bytes.writeUInt32BE(0, mvhd + 20);
  writeFileSync(file, Buffer.concat([bytes.subarray(0, -400), Buffer.alloc(500, 0x7f)]));
  await using playback = openPlayback(folder.path);
  const [span] = await spans(playback);
  expect(span?.[1]).toBeGreaterThanOrEqual(4);
  const { file: answer } = await playback.get({ path: 'cam', startUs: WALL * 1000, durationUs: 60e6, format: 'mp4' });
  expect(answer.sizeBytes).toBeGreaterThan(5_000);
});

test('the repeated hour of autumn hides nothing: the capture time in the file identifies it', async () => {
  using folder = temporaryFolder();
  const again = Date.UTC(2026, 9, 25, 1, 30);
  const [file = ''] = await record(folder.path, 2, { wall: again, zone: 'Europe/Berlin' });
  expect(file).toContain('2026-10-25_02-30-00-000000');
  const playback = openPlayback(folder.path);
  await using _ = playback;
  expect(await spans(playback)).toEqual([['2026-10-25T01:30:00Z', 2]]);
});

test('segments of all paths are named and deleted one by one, but never one that is being written', async () => {
  using folder = temporaryFolder();
  const [file = ''] = await record(folder.path, 4, { segmentDurationMs: 2_000 });
  const other = file.replace('/cam/', '/garden/gate/');
  mkdirSync(dirname(other), { recursive: true });
  copyFileSync(file, other);
  await using playback = openPlayback(folder.path);
  expect(await playback.names()).toEqual(['cam', 'garden/gate']);
  expect(await playback.segments('cam')).toEqual([
    { start: '2026-07-01T12:00:00Z' },
    { start: '2026-07-01T12:00:02Z' },
  ]);
  await expect(playback.deleteSegment('cam', '2026-07-01T12:00:01Z', () => undefined)).rejects.toThrow('no recording');
  await expect(playback.deleteSegment('cam', '2026-07-01T12:00:00Z', () => 'is still being written')).rejects.toThrow(
    'still being written',
  );
  await playback.deleteSegment('cam', '2026-07-01T12:00:00Z', () => undefined);
  expect(await playback.segments('cam')).toEqual([{ start: '2026-07-01T12:00:02Z' }]);
  expect(await spans(playback)).toEqual([['2026-07-01T12:00:02Z', 2]]);
});

test('a rebuild reads every header, so that the next start knows the finished files', async () => {
  using folder = temporaryFolder();
  const files = await record(folder.path, 6, { segmentDurationMs: 2_000 });
  await using playback = openPlayback(folder.path);
  expect(files.map((file) => playback.isFinished(file))).toEqual([false, false, false]);
  await playback.rebuild(new AbortController().signal);
  expect(files.map((file) => playback.isFinished(file))).toEqual([true, true, true]);
});

test('the recorder’s facts are known at once', async () => {
  using folder = temporaryFolder();
  await using playback = openPlayback(folder.path);
  const [file = ''] = await record(folder.path, 2);
  const segment = { path: 'cam', file, startUs: WALL * 1000 };
  playback.segmentLog.opened(segment);
  playback.segmentLog.finished({ ...segment, durationMs: 2000, sizeBytes: 1 });
  await expect.poll(() => playback.isFinished(file)).toBe(true);
  playback.segmentLog.removed(file);
  expect(playback.isFinished(file)).toBe(false);
});

test('files broken at random are listed and played, or left out, but never crash', async () => {
  using folder = temporaryFolder();
  const [file = ''] = await record(folder.path, 4, { sound: true });
  const whole = readFileSync(file);
  const next = random(13);
  for (let i = 0; i < byLength(50, 150); i += 1) {
    const broken = Buffer.from(whole);
    for (let k = 0; k < 3; k += 1) {
      broken[Math.floor(next() ** 2 * broken.length)] = Math.floor(next() * 256);
    }
    const spoiled = join(folder.path, 'spoiled');
    writeFileSync(spoiled, broken);
    if (i % 3 === 0) {
      truncateSync(spoiled, Math.floor(next() * broken.length));
    }
    renameSync(spoiled, file);
    rmSync(join(folder.path, 'index.db'), { force: true });
    await using playback = openPlayback(folder.path, ':memory:');
    const format = i % 2 === 0 ? 'mp4' : 'fmp4';
    await playback.list('cam', undefined, undefined, '').catch(expectPerchError);
    const answer = await playback
      .get({ path: 'cam', startUs: (WALL + next() * 4_000) * 1000, durationUs: 2e6, format })
      .catch(expectPerchError);
    if (answer) {
      for await (const chunk of answer.file.read(0, answer.file.sizeBytes)) {
        expect(chunk.length).toBeGreaterThan(0);
      }
    }
  }
});

function expectPerchError(error: unknown): undefined {
  expect(error).toMatchObject({ name: 'PerchError' });
  return undefined;
}

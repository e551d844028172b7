import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import {
  feed,
  opusSound,
  opusTrack,
  record,
  startRecorder,
  temporaryFolder,
  WALL,
} from '../../../test/support/disks/recordings.ts';
import { getBytes, openPlayback } from '../../../test/support/harness/playback.ts';
import { tinyH264, tinyVideo } from '../../../test/support/media/tiny-h264.ts';
import { FragmentWalk, readInit } from '../../record/file/fragment-walk.ts';

interface PlayedSample {
  readonly seconds: number;
  readonly duration: number;
  readonly isSync: boolean;
}

interface Played {
  readonly sequences: readonly number[];
  readonly durationMs: number;
  readonly hasUserData: boolean;
  of(trackId: number): readonly PlayedSample[];
}

/** An answer in fragments, read as a player reads it. */
async function readAnswer(folder: string, bytes: Buffer): Promise<Played> {
  const file = join(folder, 'answer');
  writeFileSync(file, bytes);
  await using handle = await open(file);
  const init = await readInit(handle, bytes.length);
  const walk = new FragmentWalk(handle, init, bytes.length);
  const samples = new Map<number, PlayedSample[]>();
  const sequences: number[] = [];
  for (let placed = await walk.next(); placed; placed = await walk.next()) {
    sequences.push(placed.fragment.sequence);
    for (const run of placed.fragment.runs) {
      const timescale = init.tracks.find((track) => track.id === run.trackId)?.timescale ?? 1;
      let time = run.baseTime;
      const list = samples.get(run.trackId) ?? [];
      samples.set(run.trackId, list);
      run.durations.forEach((duration, i) => {
        list.push({ seconds: time / timescale, duration: duration / timescale, isSync: run.isSync(i) });
        time += duration;
      });
    }
  }
  expect(walk.offset).toBe(bytes.length);
  const of = (trackId: number) => samples.get(trackId) ?? [];
  return { sequences, durationMs: init.durationMs, hasUserData: init.userData !== undefined, of };
}

const rounded = (samples: readonly PlayedSample[]) => samples.map(({ seconds }) => Math.round(seconds * 1000) / 1000);

describe('format=fmp4', () => {
  test('a download continues over segments, with times from the start and numbered fragments', async () => {
    using folder = temporaryFolder();
    await record(folder.path, 9, { segmentDurationMs: 3_000, sound: true });
    await using playback = openPlayback(folder.path);
    const played = await readAnswer(folder.path, await getBytes(playback, 0, 60));
    expect(rounded(played.of(1))).toEqual(Array.from({ length: 90 }, (_, i) => i / 10));
    expect(rounded(played.of(2))).toEqual(Array.from({ length: 450 }, (_, i) => i / 50));
    expect(played.sequences).toEqual(played.sequences.map((_, i) => i));
    expect([played.durationMs, played.hasUserData]).toEqual([0, false]);
  });

  test('for a start within a GOP the decode-only frames precede it, at the same time', async () => {
    using folder = temporaryFolder();
    await record(folder.path, 9, { segmentDurationMs: 3_000, sound: true });
    await using playback = openPlayback(folder.path);
    const played = await readAnswer(folder.path, await getBytes(playback, 4_350, 2));
    const video = played.of(1);
    expect(rounded(video).slice(0, 6)).toEqual([0, 0, 0, 0, 0.05, 0.15]);
    expect(video.slice(0, 4).map((sample) => Math.round(sample.duration * 1000))).toEqual([0, 0, 0, 50]);
    expect(video[0]?.isSync).toBe(true);
    expect(played.of(2)[0]?.seconds).toBeCloseTo(0.01);
    expect(Math.max(...rounded(video))).toBeLessThan(2);
    expect(Math.max(...rounded(played.of(2)))).toBeLessThan(2);
  });

  test('decode-only frames may use ticks of the first visible one, also at the start of a fragment', async () => {
    using folder = temporaryFolder();
    await using running = startRecorder(folder.path);
    feed(running.stream, [tinyVideo(60, 10, 60, 0, WALL)]);
    running.stream.close();
    await running.recorder.stop();
    await using playback = openPlayback(folder.path);
    // 20 are hidden, and the picture of 2 s begins 9 ticks after the start.
    const video = (await readAnswer(folder.path, await getBytes(playback, 1_999.9, 60))).of(1);
    const ticks = video.map(({ seconds }) => Math.round(seconds * 90_000));
    expect(ticks.slice(0, 23)).toEqual([...Array.from({ length: 21 }, (_, i) => i * 12), 9_009, 18_009]);
    video.slice(0, -1).forEach(({ duration }, i) => {
      expect(Math.round(duration * 90_000)).toBe((ticks[i + 1] as number) - (ticks[i] as number));
    });
  });

  test('a start at a key frame needs nothing before it', async () => {
    using folder = temporaryFolder();
    await record(folder.path, 9);
    await using playback = openPlayback(folder.path);
    const played = await readAnswer(folder.path, await getBytes(playback, 4_000, 1));
    expect(rounded(played.of(1))).toEqual([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]);
  });

  test('a start in the gap after a truncated recording returns the next recording', async () => {
    using folder = temporaryFolder();
    const [cutOff = ''] = await record(folder.path, 4);
    await record(folder.path, 3, { wall: WALL + 10_000 });
    const bytes = readFileSync(cutOff);
    bytes.writeUInt32BE(0, bytes.indexOf('mvhd') + 20);
    writeFileSync(cutOff, bytes);
    await using playback = openPlayback(folder.path);
    const played = await readAnswer(folder.path, await getBytes(playback, 8_000, 60));
    expect(rounded(played.of(1))).toEqual(Array.from({ length: 30 }, (_, i) => 2 + i / 10));
  });

  test('a start before the first recording keeps its place in time', async () => {
    using folder = temporaryFolder();
    await record(folder.path, 9);
    await using playback = openPlayback(folder.path);
    const played = await readAnswer(folder.path, await getBytes(playback, -2_000, 3));
    expect(rounded(played.of(1))).toEqual([2, 2.1, 2.2, 2.3, 2.4, 2.5, 2.6, 2.7, 2.8, 2.9]);
  });

  test('a download ends at a gap; a start in the gap begins after it', async () => {
    using folder = temporaryFolder();
    await record(folder.path, 2);
    await record(folder.path, 2, { wall: WALL + 10_000 });
    await using playback = openPlayback(folder.path);
    expect(rounded((await readAnswer(folder.path, await getBytes(playback, 0, 60))).of(1)).at(-1)).toBe(1.9);
    expect(rounded((await readAnswer(folder.path, await getBytes(playback, 5_000, 60))).of(1))[0]).toBe(5);
  });

  test('nothing in the window is not found', async () => {
    using folder = temporaryFolder();
    await record(folder.path, 2);
    await using playback = openPlayback(folder.path);
    for (const [fromMs, seconds] of [
      [60_000, 5],
      [-60_000, 5],
      [0, 0],
    ] as const) {
      await expect(getBytes(playback, fromMs, seconds)).rejects.toThrow('no recording segments found');
    }
  });

  test('a growing recording plays up to its last complete part', async () => {
    using folder = temporaryFolder();
    await using playback = openPlayback(folder.path);
    await using running = startRecorder(folder.path);
    feed(running.stream, [tinyVideo(35, 10, 10, 0, WALL)]);
    await expect
      .poll(() =>
        getBytes(playback, 0, 60).then(
          (bytes) => bytes.length,
          () => 0,
        ),
      )
      .toBeGreaterThan(10_000);
    const played = await readAnswer(folder.path, await getBytes(playback, 0, 60));
    expect(rounded(played.of(1))).toHaveLength(30);
  });

  test('changed parameter sets end the download: one header cannot describe both', async () => {
    using folder = temporaryFolder();
    await using running = startRecorder(folder.path);
    const video = tinyVideo(40, 10, 10, 0, WALL);
    feed(running.stream, [video.slice(0, 20)]);
    running.stream.setTrack(0, { ...tinyH264, width: 32 });
    feed(running.stream, [video.slice(20)]);
    running.stream.close();
    await running.recorder.stop();
    await using playback = openPlayback(folder.path);
    expect(rounded((await readAnswer(folder.path, await getBytes(playback, 0, 60))).of(1))).toHaveLength(20);
    const query = { path: 'cam', startUs: WALL * 1000, durationUs: 60e6, format: 'fmp4' } as const;
    const { end } = await playback.get(query);
    expect(end).toEqual({ reason: 'codec-change', resumeUs: (WALL + 2_000) * 1000 });
    const rest = await playback.get({ ...query, startUs: end?.resumeUs ?? 0 });
    expect([rest.end, rest.file.sizeBytes > 1_000]).toEqual([undefined, true]);
  });
});

test.for(['fmp4', 'mp4'] as const)('any range of a %s download matches the full file', async (format) => {
  using folder = temporaryFolder();
  await record(folder.path, 9, { segmentDurationMs: 3_000, sound: true });
  await using playback = openPlayback(folder.path);
  const next = random(17);
  for (let i = 0; i < 12; i += 1) {
    const query = { path: 'cam', startUs: (WALL + next() * 8_000) * 1000, durationUs: next() * 8e6, format };
    const { file } = await playback.get(query);
    const whole = await buffer(file.read(0, file.sizeBytes));
    expect(whole.length).toBe(file.sizeBytes);
    const parts: Buffer[] = [];
    for (let at = 0; at < whole.length; ) {
      const end = Math.min(whole.length, at + 1 + Math.floor(next() ** 3 * whole.length));
      parts.push(await buffer(file.read(at, end)));
      at = end;
    }
    expect(Buffer.concat(parts).equals(whole)).toBe(true);
  }
});

test('the ETag stays as long as the bytes do, and differs with them', async () => {
  using folder = temporaryFolder();
  const [first = ''] = await record(folder.path, 4, { segmentDurationMs: 2_000 });
  const query = { path: 'cam', startUs: WALL * 1000, durationUs: 60e6, format: 'fmp4' } as const;
  await using playback = openPlayback(folder.path);
  const { etag } = await playback.get(query);
  {
    await using other = openPlayback(folder.path, join(folder.path, 'other.db'));
    expect((await other.get(query)).etag).toBe(etag);
  }
  expect((await playback.get({ ...query, format: 'mp4' })).etag).not.toBe(etag);
  expect((await playback.get({ ...query, durationUs: 61e6 })).etag).not.toBe(etag);
  rmSync(first);
  expect((await playback.get(query)).etag).not.toBe(etag);
});

test('a player that continues gets the download it started, though the recording has grown', async () => {
  using folder = temporaryFolder();
  await using playback = openPlayback(folder.path);
  await using running = startRecorder(folder.path);
  const video = tinyVideo(80, 10, 10, 0, WALL);
  const query = { path: 'cam', startUs: WALL * 1000, durationUs: 60e6, format: 'fmp4' } as const;
  feed(running.stream, [video.slice(0, 35)]);
  await expect
    .poll(() =>
      playback.get(query).then(
        (download) => download.file.sizeBytes,
        () => 0,
      ),
    )
    .toBeGreaterThan(10_000);
  const begun = await playback.get(query);
  feed(running.stream, [video.slice(35)]);
  await running.recorder.stop();
  expect(await playback.get(query, begun.etag)).toBe(begun);
  expect((await playback.get(query)).file.sizeBytes).toBeGreaterThan(begun.file.sizeBytes);
});

test('recordings without a mark, as others make them, go together when their times meet', async () => {
  using folder = temporaryFolder();
  const files = await record(folder.path, 6, { segmentDurationMs: 2_000 });
  for (const file of files) {
    const bytes = readFileSync(file);
    bytes.write('abcd', bytes.indexOf('mtxi'));
    writeFileSync(file, bytes.subarray(0, bytes.lastIndexOf('mfra') - 4));
  }
  await using playback = openPlayback(folder.path);
  expect(await playback.list('cam', undefined, undefined, '')).toMatchObject([{ duration: 6 }]);
  const played = await readAnswer(folder.path, await getBytes(playback, 2_500, 3));
  expect(rounded(played.of(1)).slice(0, 7)).toEqual([0, 0, 0, 0, 0.001, 0.001, 0.1]);
  expect(played.of(1)).toHaveLength(5 + 30);
});

test('frames with B-frames keep their presentation order at the cut', async () => {
  using folder = temporaryFolder();
  await using running = startRecorder(folder.path, {}, [tinyH264, opusTrack]);
  const reordered = tinyVideo(40, 10, 10, 0, WALL).map((sample, i) => ({
    ...sample,
    pts: sample.dts + (i % 10 === 0 ? 9_000 : ([27_000, 9_000, 0][i % 3] ?? 0)),
  }));
  feed(running.stream, [reordered, opusSound(200, 0, WALL)]);
  running.stream.close();
  await running.recorder.stop();
  await using playback = openPlayback(folder.path);
  for (const format of ['fmp4', 'mp4'] as const) {
    expect((await getBytes(playback, 1_550, 1, format)).length).toBeGreaterThan(5_000);
  }
});

test('a plain MP4 covers at most six hours; fragments cover any period', async () => {
  using folder = temporaryFolder();
  await using running = startRecorder(folder.path);
  const hours = 7;
  // A picture each five seconds keeps a recording of this length small.
  feed(running.stream, [tinyVideo(hours * 720, 0.2, 720, 0, WALL)]);
  running.stream.close();
  await running.recorder.stop();
  await using playback = openPlayback(folder.path);
  await expect(getBytes(playback, 0, 24 * 3600, 'mp4')).rejects.toThrow('at most 6 h: ask for a shorter duration');
  expect((await getBytes(playback, 0, 6 * 3600, 'mp4')).length).toBeGreaterThan(10_000);
  const played = await readAnswer(folder.path, await getBytes(playback, 0, 24 * 3600));
  expect(played.of(1)).toHaveLength(hours * 720);
});

test('the ETag of a past period stays while the recording grows and when it is finished', async () => {
  using folder = temporaryFolder();
  await using playback = openPlayback(folder.path);
  await using running = startRecorder(folder.path);
  const video = tinyVideo(80, 10, 10, 0, WALL);
  const query = { path: 'cam', startUs: WALL * 1000, durationUs: 2e6, format: 'fmp4' } as const;
  feed(running.stream, [video.slice(0, 35)]);
  const tag = () =>
    playback.get(query).then(
      ({ etag }) => etag,
      () => '',
    );
  const length = () =>
    getBytes(playback, 0, 60).then(
      (bytes) => bytes.length,
      () => 0,
    );
  await expect.poll(length).toBeGreaterThan(10_000);
  const [etag, before] = [await tag(), await length()];
  feed(running.stream, [video.slice(35)]);
  await expect.poll(length).toBeGreaterThan(before);
  expect(await tag()).toBe(etag);
  await running.recorder.stop();
  expect(await tag()).toBe(etag);
});

test('the tag is another when a recording is shown at another time', async () => {
  using folder = temporaryFolder();
  const [file = ''] = await record(folder.path, 4);
  const bytes = readFileSync(file);
  bytes.write('abcd', bytes.indexOf('mtxi'));
  writeFileSync(file, bytes.subarray(0, bytes.lastIndexOf('mfra') - 4));
  const query = { path: 'cam', startUs: (WALL - 86_400_000) * 1000, durationUs: 172_800e6, format: 'fmp4' } as const;
  const tags: string[] = [];
  for (const zone of ['UTC', 'Europe/Berlin']) {
    await using playback = openPlayback(folder.path, join(folder.path, `${tags.length}.db`), zone);
    tags.push((await playback.get(query)).etag);
  }
  expect(tags[0]).not.toBe(tags[1]);
});

test('a download without a waiting client is not built', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 4);
  await using playback = openPlayback(folder.path);
  const query = { path: 'cam', startUs: WALL * 1000, durationUs: 60e6, format: 'fmp4' } as const;
  await expect(playback.get(query, undefined, AbortSignal.abort())).rejects.toThrow('aborted');
  expect(playback.tables.sizeBytes).toBe(0);
});

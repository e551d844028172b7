import { rmSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  feed,
  opusSound,
  opusTrack,
  record,
  startRecorder,
  temporaryFolder,
  WALL,
} from '../../../test/support/disks/recordings.ts';
import { hashOf, readSamples } from '../../../test/support/disks/vod.ts';
import { openPlayback } from '../../../test/support/harness/playback.ts';
import { tinyH264, tinyVideo } from '../../../test/support/media/tiny-h264.ts';

const us = (ms: number): number => (WALL + ms) * 1000;

test.for([
  [0, 0],
  [999, 0],
  [1_000, 1_000],
  [7_450, 7_000],
  [19_999, 19_000],
  [20_400, 19_000],
] as const)('at %s ms the result is the key frame of %s ms, alone and complete', async ([timeMs, shownMs]) => {
  using folder = temporaryFolder();
  await record(folder.path, 20, { segmentDurationMs: 7_000, sound: true });
  await using playback = openPlayback(folder.path);
  const frame = await playback.frame('cam', us(timeMs));
  expect(Math.round(frame.timeUs / 1000) - WALL).toBe(shownMs);
  // After the end, another recording may have begun.
  expect(frame.isFinal).toBe(timeMs < 20_000);
  const samples = await readSamples(folder.path, frame.bytes);
  expect(samples).toHaveLength(1);
  const key = tinyVideo(200, 10, 10)[shownMs / 100]?.data ?? new Uint8Array();
  expect(samples[0]).toMatchObject({ trackId: 1, time: 0, isSync: true, data: hashOf(key) });
});

test('the same frame has the same tag, another has another', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 5);
  await using playback = openPlayback(folder.path);
  const [one, same, other] = [
    await playback.frame('cam', us(1_100)),
    await playback.frame('cam', us(1_900)),
    await playback.frame('cam', us(2_000)),
  ];
  expect(same.etag).toBe(one.etag);
  expect(other.etag).not.toBe(one.etag);
});

test.for([
  ['before the first recording', -1],
  ['in a gap', 60_000],
  ['after the last', 200_000],
] as const)('%s no frame is found', async ([, timeMs]) => {
  using folder = temporaryFolder();
  await record(folder.path, 5);
  await record(folder.path, 5, { wall: WALL + 100_000 });
  await using playback = openPlayback(folder.path);
  await expect(playback.frame('cam', us(timeMs))).rejects.toThrow('no frame was recorded at this time');
});

test('a deleted recording, and one without video, have no frame', async () => {
  using folder = temporaryFolder();
  const [file = ''] = await record(folder.path, 5);
  await using playback = openPlayback(folder.path);
  await playback.frame('cam', us(0));
  rmSync(file);
  await expect(playback.frame('cam', us(0))).rejects.toThrow('no frame was recorded at this time');
  await using running = startRecorder(folder.path, {}, [opusTrack]);
  feed(running.stream, [opusSound(250, 0, WALL)]);
  running.stream.close();
  await running.recorder.stop();
  await expect(playback.frame('cam', us(1_000))).rejects.toThrow('no frame was recorded at this time');
});

test('a growing recording has its newest frame, which may change', async () => {
  using folder = temporaryFolder();
  await using running = startRecorder(folder.path, { partDurationMs: 500 }, [tinyH264]);
  feed(running.stream, [tinyVideo(48, 10, 10, 0, WALL)]);
  await expect.poll(() => running.log.openedFiles.length).toBe(1);
  await using playback = openPlayback(folder.path);
  await expect.poll(async () => (await playback.frame('cam', us(6_000))).timeUs / 1000 - WALL).toBe(4_000);
  expect((await playback.frame('cam', us(6_000))).isFinal).toBe(false);
});

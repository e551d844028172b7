import { readFileSync, rmSync } from 'node:fs';
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
import { openStreams, readPlaylist, readSamples, resourceBytes } from '../../../test/support/disks/vod.ts';
import { tinyH264, tinyVideo } from '../../../test/support/media/tiny-h264.ts';
import type { RowOfRecording } from './recorded-period.ts';

const S = 1_000_000;
const rowsOf = (files: readonly string[], startsUs: readonly number[]): RowOfRecording[] =>
  files.map((file, i) => ({ file, nameUs: startsUs[i] ?? 0, startUs: startsUs[i] ?? 0 }));
const at = (seconds: number): number => WALL * 1000 + seconds * S;

test('a resource has every sample of its file, in segments that begin with key frames', async () => {
  using folder = temporaryFolder();
  const [file = ''] = await record(folder.path, 31, { sound: true });
  const streams = openStreams(rowsOf([file], [at(0)]));
  const { tags, segments } = readPlaylist(await streams.media('cam', { startUs: at(0), durationUs: 60 * S }));
  expect(segments.map(({ seconds }) => seconds)).toEqual([6, 6, 6, 6, 6, 1]);
  expect([tags.get('EXT-X-TARGETDURATION'), tags.has('EXT-X-ENDLIST'), tags.get('EXT-X-VERSION')]).toEqual([
    '6',
    true,
    '7',
  ]);
  expect(segments.map(({ programDateTime }) => programDateTime)).toEqual([
    '2026-07-01T12:00:00.000Z',
    ...Array.from({ length: 5 }),
  ]);
  const bytes = await resourceBytes(streams, segments[0]?.uri ?? '');
  expect(segments.at(-1)?.end).toBe(bytes.length);
  const original = await readSamples(folder.path, readFileSync(file));
  const given = await readSamples(folder.path, bytes);
  for (const trackId of [1, 2]) {
    const of = (samples: typeof given) => samples.filter((sample) => sample.trackId === trackId);
    const shift = (of(given)[0]?.time ?? 0) - (of(original)[0]?.time ?? 0);
    expect(of(given).map((sample) => ({ ...sample, time: sample.time - shift }))).toEqual(of(original));
  }
  const [, initBytes = ''] = /BYTERANGE="(\d+)@0"/.exec(segments[0]?.map ?? '') ?? [];
  for (const { start, end } of segments) {
    const segment = Buffer.concat([bytes.subarray(0, Number(initBytes)), bytes.subarray(start, end)]);
    const samples = await readSamples(folder.path, segment);
    expect(samples[0]).toMatchObject({ trackId: 1, isSync: true });
  }
});

test('files that continue each other have one clock and no discontinuity; the first may be deleted', async () => {
  using folder = temporaryFolder();
  const files = await record(folder.path, 21, { segmentDurationMs: 7_000, sound: true });
  const streams = openStreams(rowsOf(files, [at(0), at(7), at(14)]));
  const period = { startUs: at(0), durationUs: 60 * S };
  const { segments } = readPlaylist(await streams.media('cam', period));
  expect(segments.map(({ isDiscontinuity, seconds }) => [isDiscontinuity, seconds])).toEqual(
    [6, 1, 6, 1, 6, 1].map((seconds) => [false, seconds]),
  );
  expect(new Set(segments.map(({ map }) => map))).toEqual(new Set([segments.at(-1)?.map]));
  expect(segments.at(-1)?.map).toContain(segments.at(-1)?.uri);
  let end = 0;
  for (const uri of new Set(segments.map((segment) => segment.uri))) {
    const video = (await readSamples(folder.path, await resourceBytes(streams, uri))).filter(
      ({ trackId }) => trackId === 1,
    );
    const [first, last] = [video[0], video.at(-1)];
    expect(end === 0 || Math.abs((first?.time ?? 0) - end) <= 1).toBe(true);
    end = (last?.time ?? 0) + (last?.duration ?? 0);
  }
  rmSync(files[0] ?? '');
  const later = readPlaylist(await streams.media('cam', period)).segments;
  const programDateTime = expect.stringMatching(/^2026-07-01T12:00:07/);
  expect(later).toEqual(segments.slice(2).map((segment, i) => (i === 0 ? { ...segment, programDateTime } : segment)));
  await expect(resourceBytes(streams, segments[0]?.uri ?? '')).rejects.toThrow('no such recording');
});

/** Recordings of 7 s each. @param labels when the first picture of each has arrived: Unix milliseconds */
async function recordLabelled(folder: string, labels: readonly number[], pace = 1): Promise<RowOfRecording[]> {
  await using running = startRecorder(folder, { segmentDurationMs: 7_000 });
  for (const [i, label] of labels.entries()) {
    const pictures = tinyVideo(70, 10, 10, 900_000 + i * 630_000);
    feed(running.stream, [pictures.map((picture) => ({ ...picture, wall: label + picture.wall * pace }))]);
  }
  running.stream.close();
  await running.recorder.stop();
  return rowsOf(
    running.log.names,
    labels.map((ms) => ms * 1000),
  );
}

// Where the times of a stream lie is rounded to 5 s, file by file: 2.5 s are the border.
test.for([
  [2_498, [0, 4, 0]],
  [2_502, [0, -4, 0]],
] as const)(
  'files of one stream have one clock where their labels, %d ms and %j ms later, are rounded to different steps',
  async ([border, strays]) => {
    using folder = temporaryFolder();
    const rows = await recordLabelled(
      folder.path,
      strays.map((stray, i) => WALL + border + i * 7_000 + stray),
    );
    const streams = openStreams(rows);
    const { segments } = readPlaylist(await streams.media('cam', { startUs: at(0), durationUs: 60 * S }));
    expect(segments.map(({ isDiscontinuity }) => isDiscontinuity)).toEqual(Array(6).fill(false));
    const uris = [...new Set(segments.map(({ uri }) => uri))];
    expect(uris).toHaveLength(3);
    const times: number[] = [];
    for (const uri of uris) {
      times.push(...(await readSamples(folder.path, await resourceBytes(streams, uri))).map(({ time }) => time));
    }
    expect(times.map((time) => time - (times[0] ?? 0))).toEqual(Array.from({ length: 210 }, (_, i) => i * 9_000));
  },
);

test('a stream whose clock drifts by more than a step gets correct dates again after a discontinuity', async () => {
  using folder = temporaryFolder();
  const pace = 0.7;
  const rows = await recordLabelled(
    folder.path,
    Array.from({ length: 6 }, (_, i) => WALL + i * 7_000 * pace),
    pace,
  );
  const { segments } = readPlaylist(await openStreams(rows).media('cam', { startUs: at(0), durationUs: 60 * S }));
  const firsts = segments.filter(({ uri }, i) => uri !== segments[i - 1]?.uri);
  expect(firsts.map(({ isDiscontinuity }) => isDiscontinuity)).toEqual([false, false, false, false, true, false]);
});

test('a discontinuity and the date follow a gap', async () => {
  using folder = temporaryFolder();
  const [one = ''] = await record(folder.path, 8);
  const [two = ''] = await record(folder.path, 8, { wall: WALL + 100_000 });
  const streams = openStreams(rowsOf([one, two], [at(0), at(100)]));
  const { segments } = readPlaylist(await streams.media('cam', { startUs: at(0), durationUs: 3_600 * S }));
  expect(segments.map(({ isDiscontinuity }) => isDiscontinuity)).toEqual([false, false, true, false]);
  expect(segments[2]?.programDateTime).toBe('2026-07-01T12:01:40.000Z');
});

test.for([
  ['the second that is asked', 13.4, 1, ['12:00:12.000'], 1.4],
  ['from a cut on', 12, 0.001, ['12:00:12.000'], undefined],
  ['up to a cut', 6, 6, ['12:00:06.000'], undefined],
  ['from before the beginning', -100, 101, ['12:00:00.000'], undefined],
  ['days', -86_400, 3 * 86_400, ['12:00:00.000'], undefined],
] as const)('a playlist has the segments of %s', async ([, fromS, seconds, [first], offset]) => {
  using folder = temporaryFolder();
  const files = await record(folder.path, 24);
  const streams = openStreams(rowsOf(files, [at(0)]));
  const period = { startUs: at(fromS), durationUs: Math.round(seconds * S) };
  const { tags, segments } = readPlaylist(await streams.media('cam', period));
  expect(segments[0]?.programDateTime).toBe(`2026-07-01T${first}Z`);
  const length = fromS + seconds > 24 ? 24 : 6;
  expect(segments.reduce((sum, segment) => sum + segment.seconds, 0)).toBeCloseTo(length);
  expect(tags.get('EXT-X-START')).toBe(offset && `TIME-OFFSET=${offset.toFixed(3)},PRECISE=YES`);
});

test.for([
  ['before the first recording', -50],
  ['after the last', 30],
] as const)('%s nothing can be played', async ([, fromS]) => {
  using folder = temporaryFolder();
  const streams = openStreams(rowsOf(await record(folder.path, 24), [at(0)]));
  const period = { startUs: at(fromS), durationUs: 10 * S };
  await expect(streams.media('cam', period)).rejects.toThrow('no recording segments found');
  await expect(streams.multivariant('cam', period)).rejects.toThrow('no recording segments found');
});

test('the multivariant playlist has codecs, size and rates, and of the request only the period', async () => {
  using folder = temporaryFolder();
  const streams = openStreams(rowsOf(await record(folder.path, 24, { sound: true }), [at(0)]));
  const text = await streams.multivariant('cam', { startUs: at(2.5), durationUs: 10 * S });
  const [info = '', uri = ''] = text.split('\n').slice(3);
  expect(info).toMatch(
    /^#EXT-X-STREAM-INF:BANDWIDTH=\d+,AVERAGE-BANDWIDTH=\d+,CODECS="avc1.42C00A,opus",RESOLUTION=64x48$/,
  );
  expect(uri).toBe('media.m3u8?start=2026-07-01T12%3A00%3A02.5Z&duration=10');
});

test('a rewind playlist begins where it began, grows with the recording, and is not ended', async () => {
  using folder = temporaryFolder();
  await using running = startRecorder(folder.path, { segmentDurationMs: 15_000 }, [tinyH264, opusTrack]);
  let nowMs = WALL + 40_000;
  const feedSeconds = (fromS: number, count: number): void =>
    feed(running.stream, [
      tinyVideo(count * 10, 10, 10, 900_000 + fromS * 90_000, WALL + fromS * 1000),
      opusSound(count * 50, 480_000 + fromS * 48_000, WALL + fromS * 1000),
    ]);
  // The disk may open files in another order than the index lists them.
  const rows = (): RowOfRecording[] =>
    running.log.openedFiles
      .map(({ file, startUs }) => ({ file, nameUs: startUs, startUs }))
      .sort((a, b) => a.startUs - b.startUs);
  const media = async () => {
    const text = await openStreams(rows(), () => nowMs).rewindMedia('cam', { startUs: at(10), targetSeconds: 6 });
    return readPlaylist(text);
  };
  feedSeconds(0, 40);
  await expect.poll(async () => (await media()).segments.length).toBeGreaterThan(3);
  const early = await media();
  expect([early.tags.get('EXT-X-PLAYLIST-TYPE'), early.tags.has('EXT-X-ENDLIST')]).toEqual(['EVENT', false]);
  expect(early.segments[0]?.programDateTime).toBe('2026-07-01T12:00:06.000Z');
  feedSeconds(40, 30);
  nowMs += 30_000;
  await expect.poll(async () => (await media()).segments.length).toBeGreaterThan(early.segments.length + 3);
  const later = await media();
  expect(later.segments.slice(0, early.segments.length)).toEqual(early.segments);
  expect(later.tags.get('EXT-X-TARGETDURATION')).toBe(early.tags.get('EXT-X-TARGETDURATION'));
});

test('rewind fixes its beginning and its target in the address of the media playlist', async () => {
  using folder = temporaryFolder();
  const streams = openStreams(rowsOf(await record(folder.path, 24), [at(0)]), () => WALL + 24_000);
  const text = await streams.rewindMultivariant('cam', 20);
  expect(text.trim().split('\n').at(-1)).toBe('rewind_stream.m3u8?start=2026-07-01T12%3A00%3A04Z&target=6');
  await expect(streams.rewindMultivariant('other', 0)).rejects.toThrow('no recording segments found');
});

test('playlists have a limit', async () => {
  using folder = temporaryFolder();
  const [file = ''] = await record(folder.path, 600);
  const rows = Array.from({ length: 1_200 }, (_, i) => ({ file, nameUs: at(i * 600), startUs: at(i * 600) }));
  const period = { startUs: at(0), durationUs: 1e9 * S };
  await expect(openStreams(rows).media('cam', period)).rejects.toThrow('more than 110000 segments in one playlist');
  const week = await openStreams(rows.slice(0, 7 * 144)).media('cam', period);
  expect(readPlaylist(week).segments).toHaveLength(7 * 14_400);
});

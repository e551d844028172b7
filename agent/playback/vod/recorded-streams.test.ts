import { readFileSync, rmSync } from 'node:fs';
import { expect, test } from 'vitest';
import { record, temporaryFolder, WALL } from '../../../test/recordings.ts';
import { openStreams, readPlaylist, readSamples, resourceBytes } from '../../../test/vod.ts';
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

test('files that go on from each other have one clock and no discontinuity; the first may go', async () => {
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
  expect(later).toEqual(segments.slice(2));
  await expect(resourceBytes(streams, segments[0]?.uri ?? '')).rejects.toThrow('no such recording');
});

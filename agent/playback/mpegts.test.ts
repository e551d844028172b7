import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { record, temporaryFolder, WALL } from '../../test/support/disks/recordings.ts';
import { TEMPLATE } from '../../test/support/harness/playback.ts';
import { silentLogger } from '../base/log.ts';
import { Playback } from './playback.ts';

/** Playback of paths that are recorded as MPEG-TS, and what it warned of. */
function openPlayback(folder: string) {
  const warnings: unknown[] = [];
  const recordPath = join(folder, TEMPLATE);
  const playback = new Playback({
    file: join(folder, 'index.db'),
    zone: 'UTC',
    logger: { ...silentLogger, warn: (facts: object) => warnings.push(facts) } as typeof silentLogger,
    paths: { recordPathOf: () => ({ recordPath, format: 'mpegts' }), recordPaths: () => [recordPath] },
  });
  return Object.assign(playback, { warnings, [Symbol.asyncDispose]: () => playback.close() });
}

const starts = async (playback: Playback) => (await playback.segments('cam'))?.map(({ start }) => start);
const list = (playback: Playback) => playback.list('cam', undefined, undefined, 'http://h/');

test('recordings in MPEG-TS are listed as files, and not played', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 6, { segmentDurationMs: 2_500, format: 'mpegts' });
  await using playback = openPlayback(folder.path);
  expect(await starts(playback)).toEqual(['2026-07-01T12:00:00Z', '2026-07-01T12:00:03Z']);
  expect(await playback.names()).toEqual(['cam']);
  await expect(list(playback)).rejects.toThrow(
    /^MPEG-TS format is not supported yet: set recordFormat: fmp4 .*; the \.ts files play in VLC or ffmpeg$/,
  );
  const query = { path: 'cam', startUs: WALL * 1000, durationUs: 1e6, format: 'fmp4' } as const;
  await expect(playback.get(query)).rejects.toThrow('MPEG-TS format is not supported yet');
  expect(playback.warnings).toEqual([]);
});

test('a recording in MPEG-TS is deleted by its start', async () => {
  using folder = temporaryFolder();
  const files = await record(folder.path, 6, { segmentDurationMs: 2_500, format: 'mpegts' });
  await using playback = openPlayback(folder.path);
  await playback.deleteSegment('cam', '2026-07-01T12:00:00Z', () => undefined);
  expect(files.map((file) => existsSync(file))).toEqual([false, true]);
  expect(await starts(playback)).toEqual(['2026-07-01T12:00:03Z']);
});

test('earlier MP4 recordings of the path are still played', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 3);
  await record(folder.path, 3, { format: 'mpegts', wall: WALL + 10_000 });
  await using playback = openPlayback(folder.path);
  expect(await starts(playback)).toEqual(['2026-07-01T12:00:00Z', '2026-07-01T12:00:10Z']);
  expect((await list(playback)).map(({ start, duration }) => [start, duration])).toEqual([['2026-07-01T12:00:00Z', 3]]);
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

test('foreign files are listed, and files without a stream are reported', async () => {
  using folder = temporaryFolder();
  mkdirSync(join(folder.path, 'cam'));
  const nameOf = (second: number) => join(folder.path, `cam/2026-07-01_12-00-0${second}-000000.ts`);
  writeFileSync(nameOf(1), new Uint8Array(1880).fill(0x47));
  writeFileSync(nameOf(2), new Uint8Array(1880));
  await using playback = openPlayback(folder.path);
  expect(await starts(playback)).toEqual(['2026-07-01T12:00:01Z', '2026-07-01T12:00:02Z']);
  expect(playback.isFinished(nameOf(1))).toBe(true);
  expect(playback.warnings).toEqual([
    { file: nameOf(2), cause: 'recording of 1880 bytes does not begin with an MPEG-TS packet' },
  ]);
});

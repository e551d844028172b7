import { unlinkSync, utimesSync } from 'node:fs';
import fastify from 'fastify';
import { expect, onTestFinished, test } from 'vitest';
import { pictureOf } from '../../../test/support/cameras/snapshot-camera.ts';
import { filesBelow, record, temporaryFolder, WALL } from '../../../test/support/disks/recordings.ts';
import { openPlayback, storesOf } from '../../../test/support/harness/playback.ts';
import { PerchError } from '../../base/errors.ts';
import { saveSnapshot, snapshotName } from '../../record/snapshots/snapshot-files.ts';
import { vodRoutes } from '../stores/vod-routes.ts';

/** Recordings of `cam` from 0 to 10 s and from 60 to 70 s. */
async function openRecordings() {
  const folder = temporaryFolder();
  const [first = ''] = await record(folder.path, 10);
  const [second = ''] = await record(folder.path, 10, { wall: WALL + 60_000 });
  const playback = openPlayback(folder.path);
  onTestFinished(async () => {
    await playback.close();
    folder[Symbol.dispose]();
  });
  const nearest = async (ms: number) => {
    const { timeUs } = await playback.snapshot('cam', (WALL + ms) * 1000);
    return timeUs / 1000 - WALL;
  };
  return {
    folder,
    playback,
    first,
    second,
    nearest,
    keep: (file: string, ms: number) => saveSnapshot(file, pictureOf(900), WALL + ms),
  };
}

test.for([
  [0, 2_000],
  [5_000, 2_000],
  [6_500, 8_000],
  [30_000, 8_000],
  [50_000, 62_000],
  [3_600_000, 62_000],
  [-80_000_000, 2_000],
] as const)('nearest to %i ms is the snapshot of %i ms', async ([ms, nearestMs]) => {
  const { first, second, keep, nearest } = await openRecordings();
  await keep(first, 2_000);
  await keep(first, 8_000);
  await keep(second, 62_000);
  expect(await nearest(ms)).toBe(nearestMs);
});

test('a recording without snapshots does not hide those of another', async () => {
  const { first, keep, nearest } = await openRecordings();
  await keep(first, 2_000);
  expect(await nearest(65_000)).toBe(2_000);
});

test('a snapshot that lost its mtime in a copy still belongs to its recording', async () => {
  const { first, second, keep, nearest } = await openRecordings();
  await keep(first, 2_000);
  await keep(second, 62_000);
  utimesSync(snapshotName(first, 1), 1, 1);
  expect(await nearest(5_000)).toBe(62_000);
  expect(await nearest(-50_000)).toBe(-60_000);
});

test('without a snapshot within a day none is found', async () => {
  const { playback, first, keep } = await openRecordings();
  await expect(playback.snapshot('cam', WALL * 1000)).rejects.toMatchObject({ code: 'notFound' });
  await keep(first, 2_000);
  await expect(playback.snapshot('cam', (WALL + 90_000_000) * 1000)).rejects.toMatchObject({ code: 'notFound' });
  await expect(playback.snapshot('unknown', WALL * 1000)).rejects.toMatchObject({ code: 'badInput' });
});

test('snapshots are deleted with their recording', async () => {
  const { folder, playback, first, second, keep } = await openRecordings();
  await keep(first, 2_000);
  await keep(second, 62_000);
  const [{ start = '' } = {}] = (await playback.segments('cam')) ?? [];
  await playback.deleteSegment('cam', start, () => undefined);
  expect(filesBelow(folder.path).filter((file) => /cam.*\.(mp4|jpg)$/.test(file))).toEqual(
    [second, snapshotName(second, 1)].sort(),
  );
});

test('a snapshot is served with its time and is not sent twice', async () => {
  const { playback, first, keep } = await openRecordings();
  await keep(first, 2_500);
  const app = fastify();
  onTestFinished(() => app.close());
  app.setErrorHandler((error, _, reply) =>
    reply.code(error instanceof PerchError && error.code === 'notFound' ? 404 : 400).send(),
  );
  await app.register(vodRoutes, {
    prefix: '/playback',
    stores: storesOf(playback),
    access: { require: async () => {} },
    cors: () => async () => undefined,
  });
  const url = '/playback/cam/still.jpg?time=2026-07-01T12:00:04Z';
  const answer = await app.inject(url);
  expect(answer.statusCode).toBe(200);
  expect(answer.headers).toMatchObject({
    'content-type': 'image/jpeg',
    'content-length': '900',
    'x-content-type-options': 'nosniff',
    'perch-time': '2026-07-01T12:00:02.5Z',
  });
  expect(Buffer.compare(answer.rawPayload, pictureOf(900))).toBe(0);
  const again = await app.inject({ url, headers: { 'if-none-match': String(answer.headers['etag']) } });
  expect(again.statusCode).toBe(304);
  expect((await app.inject('/playback/cam/still.jpg')).statusCode).toBe(400);
  unlinkSync(snapshotName(first, 1));
  expect((await app.inject(url)).statusCode).toBe(404);
});

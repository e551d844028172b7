import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { expect, test, vi } from 'vitest';
import { ARCHIVE_PLACES, ArchivedBox } from '../../../test/features/archive/support/archived-box.ts';
import { type S3Fault, S3Server } from '../../../test/features/archive/support/s3-server.ts';
import { record, WALL } from '../../../test/support/disks/recordings.ts';
import { getBytes } from '../../../test/support/harness/playback.ts';
import type { Playback } from '../../playback/playback.ts';

const COUNT = 8;
const SECONDS = 4;

const listOf = (playback: Playback) => playback.list('cam', undefined, undefined, '').catch(() => []);
/** Recordings an hour apart. */
const recordAll = async (box: ArchivedBox, count = COUNT): Promise<string[]> => {
  const files: string[] = [];
  for (let i = 0; i < count; i += 1) {
    files.push(...(await record(box.recordings, SECONDS, { wall: WALL + i * 3_600_000, sound: true })));
  }
  return files;
};
const bytesAt = (playback: Playback, i: number) => getBytes(playback, i * 3_600_000 + 500, 2);

test.for(Object.entries(ARCHIVE_PLACES))(
  'recordings that only %s has are listed and played as before',
  async ([, placeOf]) => {
    const box = new ArchivedBox();
    const place = await placeOf(box);
    const files = await recordAll(box);
    await box.start(place);
    await box.archived(COUNT);
    const listed = await listOf(box.playback);
    expect(listed.length).toBe(COUNT);
    const played = await Promise.all(files.map((_, i) => bytesAt(box.playback, i)));
    box.erase(files);
    expect(await listOf(box.playback)).toEqual(listed);
    for (const [i, bytes] of played.entries()) {
      expect((await bytesAt(box.playback, i)).equals(bytes)).toBe(true);
    }
    expect(box.playback.space.bytesOf('cam')).toMatchObject({ files: COUNT, bytes: 0, ownBytes: 0 });
    // Without the index, then without the list of the archive's objects too.
    for (const lost of [[], ['segments.db'], ['archive.db'], ['segments.db', 'archive.db']] as const) {
      await box.stop();
      lost.forEach((name) => {
        box.lose(name);
      });
      await box.start(place);
      await box.until(async () => (await bytesAt(box.playback, 3).catch(() => undefined)) !== undefined);
      expect(await listOf(box.playback)).toEqual(listed);
      expect((await bytesAt(box.playback, 3)).equals(played[3] ?? Buffer.alloc(0))).toBe(true);
    }
  },
);

test('a recording is read by ranges: its table, and what is asked for', async () => {
  const { server, box, files } = await ArchivedBox.inBucket((one) => record(one.recordings, 60, { gop: 10 }));
  box.erase(files);
  const [object] = server.objects.values();
  server.calls.length = 0;
  await getBytes(box.playback, 30_000, 1);
  const reads = server.calls.filter(({ method }) => method === 'GET');
  expect(reads.every(({ range }) => range !== undefined)).toBe(true);
  // Both ends at the same time, then the media.
  expect(reads.length).toBeLessThanOrEqual(4);
  const media = reads.slice(2).reduce((sum, { range: [first, last] = [0, -1] }) => sum + last - first + 1, 0);
  expect(media).toBeLessThan((object?.bytes.length ?? 0) / 10);
  // The table is known now.
  server.calls.length = 0;
  await getBytes(box.playback, 10_000, 1);
  expect(server.calls.length).toBeLessThanOrEqual(2);
});

test('a player continues from the archive when its file is deleted while it reads', async () => {
  const { box, files } = await ArchivedBox.inBucket((one) => record(one.recordings, 20));
  const query = { path: 'cam', startUs: WALL * 1000, durationUs: 20e6, format: 'fmp4' } as const;
  const before = await box.playback.get(query);
  const bytes = await buffer(before.file.read(0, before.file.sizeBytes));
  box.erase(files);
  const { file } = await box.playback.get(query, before.etag);
  expect((await buffer(file.read(1_000, file.sizeBytes))).equals(bytes.subarray(1_000))).toBe(true);
});

test('recorded HLS and stills come from the archive', async () => {
  const { box, files } = await ArchivedBox.inBucket((one) => record(one.recordings, 20));
  const period = { startUs: WALL * 1000, durationUs: 20e6 };
  const frame = await box.playback.frame('cam', (WALL + 5_000) * 1000);
  box.erase(files);
  const playlist = await box.playback.streams.media('cam', period);
  expect(playlist).toContain('#EXT-X-ENDLIST');
  expect(Buffer.from((await box.playback.frame('cam', (WALL + 5_000) * 1000)).bytes)).toEqual(Buffer.from(frame.bytes));
});

test('after the loss of the list of copies, their age is that of the index', async () => {
  const server = await S3Server.start();
  const box = new ArchivedBox();
  const wall = box.clock.wallMs();
  const [gone = ''] = await record(box.recordings, SECONDS, { wall });
  await record(box.recordings, SECONDS, { wall: wall + 60_000 });
  await box.start({ archiveURL: server.url });
  await box.archived(2);
  box.erase([gone]);
  await box.stop();
  box.lose('archive.db');
  const keptFor = (days: number) =>
    box.start(
      { archiveURL: server.url },
      `perch: own\npathDefaults: { recordArchive: all, recordArchiveDeleteAfter: ${days}d }\npaths: { cam: }\n`,
    );
  await keptFor(2);
  await box.archived(2);
  await box.clock.advanceDays(2);
  await box.until(() => server.objects.size === 0);
});

test('while the archive is away, recordings that only it has stay listed without the list of copies', async () => {
  let now: S3Fault;
  const { server, box, files } = await ArchivedBox.inBucket((one) => recordAll(one, 2), { fault: () => now });
  box.erase(files);
  const listed = await listOf(box.playback);
  expect(listed.length).toBe(2);
  await box.stop();
  box.lose('archive.db');
  now = { status: 503, code: 'SlowDown' };
  await box.start({ archiveURL: server.url });
  await box.playback.rebuild(new AbortController().signal);
  await expect(bytesAt(box.playback, 0)).rejects.toMatchObject({ code: 'unavailable' });
  expect(await listOf(box.playback)).toEqual(listed);
  now = undefined;
  await box.until(async () => (await bytesAt(box.playback, 0).catch(() => '')).length > 0);
  expect(await listOf(box.playback)).toEqual(listed);
});

test('a file that is on the disk again is listed once', async () => {
  const {
    box,
    files: [file = ''],
  } = await ArchivedBox.inBucket((one) => recordAll(one, 1));
  const copy = join(box.folder, 'copy.mp4');
  copyFileSync(file, copy);
  const listed = await listOf(box.playback);
  box.erase([file]);
  expect(await listOf(box.playback)).toEqual(listed);
  copyFileSync(copy, file);
  await box.playback.rebuild(new AbortController().signal);
  expect(await listOf(box.playback)).toEqual(listed);
  expect(box.playback.stateOf(file)).toBe(2);
  expect(box.playback.space.bytesOf('cam').files).toBe(1);
});

test.for([
  ['denies access', { status: 403, code: 'AccessDenied' }, 'unavailable', 'denies access'],
  ['is overloaded', { status: 503, code: 'SlowDown' }, 'unavailable', 'asks for fewer requests'],
  ['has lost the bucket', { status: 404, code: 'NoSuchBucket' }, 'unavailable', 'no such bucket'],
] as const)('an archive that %s says so to a player, and the recording stays listed', async ([, fault, code, text]) => {
  let now: S3Fault;
  const { box, files } = await ArchivedBox.inBucket((one) => recordAll(one, 1), {
    fault: ({ method }) => (method === 'GET' ? now : undefined),
  });
  box.erase(files);
  now = fault;
  const fails = { code, message: expect.stringContaining(text) };
  await expect(bytesAt(box.playback, 0)).rejects.toMatchObject(fails);
  const period = { startUs: WALL * 1000, durationUs: 4e6 };
  await expect(box.playback.streams.media('cam', period)).rejects.toMatchObject(fails);
  await expect(box.playback.frame('cam', (WALL + 1_000) * 1000)).rejects.toMatchObject(fails);
  now = undefined;
  expect((await listOf(box.playback)).length).toBe(1);
  expect((await bytesAt(box.playback, 0)).length).toBeGreaterThan(0);
});

test('the timeline says what lies only in the archive', async () => {
  const { box, files } = await ArchivedBox.inBucket((one) => recordAll(one, 3));
  const lanes = async (resolution: number) => {
    const at = (seconds: number) => ({ us: WALL * 1000 + seconds * 1e6, offsetMs: 0 });
    return box.playback.timeline({ path: 'cam', from: at(2), to: at(7_202), resolution });
  };
  expect((await lanes(10)).archived).toEqual([]);
  box.erase(files.slice(0, 2));
  expect(await lanes(10)).toMatchObject({
    coverage: [
      [0, 2],
      [3_598, 4],
      [7_198, 2],
    ],
    archived: [
      [0, 2],
      [3_598, 4],
    ],
  });
});

test('an object that was deleted in the bucket is no longer listed', async () => {
  const { server, box, files } = await ArchivedBox.inBucket((one) => recordAll(one, 2));
  box.erase(files);
  const [key = ''] = [...server.objects.keys()].sort();
  server.objects.delete(key);
  await expect(bytesAt(box.playback, 0)).rejects.toMatchObject({ code: 'notFound' });
  expect((await listOf(box.playback)).map(({ start }) => start)).toEqual(['2026-07-01T13:00:00Z']);
});

test('of a time-lapse four pictures are read at a time, and a client that goes ends that', async () => {
  let isSilent = false;
  const { server, box, files } = await ArchivedBox.inBucket((one) => record(one.recordings, 480, { gop: 5 }), {
    fault: ({ method }) => (isSilent && method === 'GET' ? 'silent' : undefined),
  });
  const query = { path: 'cam', startUs: WALL * 1000, durationUs: 480e6, format: 'mp4', speed: 1_440 } as const;
  const before = await box.playback.get(query);
  const expected = await buffer(before.file.read(0, before.file.sizeBytes));
  box.erase(files);
  const { file } = await box.playback.get(query);
  server.calls.length = 0;
  expect((await buffer(file.read(0, file.sizeBytes))).equals(expected)).toBe(true);
  // One for each picture of 48 s.
  expect(server.calls.filter(({ method }) => method === 'GET').length).toBe(10);
  isSilent = true;
  server.calls.length = 0;
  const body = file.read(0, file.sizeBytes);
  body.on('data', () => {});
  await box.until(() => server.calls.length === 4);
  const open = server.connections;
  body.destroy();
  await box.until(() => server.connections < open);
  isSilent = false;
  expect((await buffer(file.read(0, file.sizeBytes))).equals(expected)).toBe(true);
});

test('a client that goes ends what is read for it', async () => {
  let isSilent = false;
  const { server, box, files } = await ArchivedBox.inBucket((one) => record(one.recordings, 60), {
    fault: ({ method }) => (isSilent && method === 'GET' ? 'silent' : undefined),
  });
  box.erase(files);
  const query = { path: 'cam', startUs: WALL * 1000, durationUs: 60e6, format: 'fmp4' } as const;
  const { file } = await box.playback.get(query);
  isSilent = true;
  const before = server.calls.length;
  const body = file.read(0, file.sizeBytes);
  body.on('data', () => {});
  await box.until(() => server.calls.length > before);
  const open = server.connections;
  body.destroy();
  await box.until(() => server.connections < open);
});

test('a recording that is deleted by hand is deleted in the archive, too, or not at all', async () => {
  let now: S3Fault;
  const { server, box, files } = await ArchivedBox.inBucket((one) => recordAll(one, 2), {
    fault: ({ method }) => (method === 'DELETE' ? now : undefined),
  });
  box.erase(files.slice(0, 1));
  const [archivedOnly = '', onDisk = ''] = (await listOf(box.playback)).map(({ start }) => start);
  now = { status: 403, code: 'AccessDenied' };
  for (const start of [archivedOnly, onDisk]) {
    await expect(box.playback.deleteSegment('cam', start, () => undefined)).rejects.toMatchObject({
      code: 'unavailable',
    });
  }
  expect((await listOf(box.playback)).length).toBe(2);
  now = undefined;
  for (const start of [archivedOnly, onDisk]) {
    await box.playback.deleteSegment('cam', start, () => undefined);
  }
  expect(server.objects.size).toBe(0);
  expect(await listOf(box.playback)).toEqual([]);
});

/** A box that sends its only recording slowly. */
async function sendingBox() {
  const server = await S3Server.start();
  const box = new ArchivedBox();
  const [file = ''] = await recordAll(box, 1);
  await box.start({ archiveURL: server.url, archiveMaxRateBytes: 64 << 10 });
  await box.until(() => box.link.status.current !== undefined);
  const [{ start = '' } = {}] = await listOf(box.playback);
  const erased = box.playback.deleteSegment.bind(box.playback, 'cam', start, () => undefined);
  return { server, box, file, erased };
}

test('a recording that is deleted by hand while it is sent is deleted in the archive then', async () => {
  const { server, box, erased } = await sendingBox();
  await erased();
  const isArchived = () => box.link.status.archived.files > 0;
  await box.until(() => server.calls.some(({ method }) => method === 'DELETE') && !isArchived());
  expect(server.objects.size).toBe(0);
  expect(await listOf(box.playback)).toEqual([]);
});

test('a recording that is archived while it is deleted by hand is deleted in the archive, too', async () => {
  const { server, box, erased } = await sendingBox();
  vi.spyOn(box.link.recordings, 'remove').mockImplementationOnce(() => box.archived(1));
  await erased();
  expect([server.objects.size, box.link.status.archived.files]).toEqual([0, 0]);
  expect(await listOf(box.playback)).toEqual([]);
});

test.for(Object.entries(ARCHIVE_PLACES))(
  'MPEG-TS recordings that only %s has play by ranges as before',
  async ([, placeOf]) => {
    const box = new ArchivedBox();
    const place = await placeOf(box);
    const files = await record(box.recordings, 12, { format: 'mpegts', sound: true });
    await box.start(place);
    await box.archived(1);
    const playedOf = async () => ({
      listed: await listOf(box.playback),
      bytes: await getBytes(box.playback, 2_500, 4),
      // The names of its files change with the place of the recording.
      playlist: (await box.playback.streams.media('cam', { startUs: WALL * 1000, durationUs: 12e6 })).replaceAll(
        /-[\w-]{8}\.mp4/g,
        '',
      ),
      frame: Buffer.from((await box.playback.frame('cam', (WALL + 5_000) * 1000)).bytes),
    });
    const before = await playedOf();
    box.erase(files);
    expect(await playedOf()).toEqual(before);
    // Without the index and the list of the archive's objects.
    await box.stop();
    box.lose('segments.db');
    box.lose('archive.db');
    await box.start(place);
    await box.until(async () => (await listOf(box.playback)).length === 1);
    expect(await playedOf()).toEqual(before);
  },
);

test('of an MPEG-TS recording its table, its ends and what is asked for are read', async () => {
  const { server, box, files } = await ArchivedBox.inBucket((one) =>
    record(one.recordings, 60, { format: 'mpegts', sound: true, gop: 10 }),
  );
  box.erase(files);
  const table = [...server.objects].find(([key]) => key.endsWith('.ts.table'));
  expect(table?.[1].bytes.length).toBeGreaterThan(1_000);
  server.calls.length = 0;
  await getBytes(box.playback, 30_000, 1);
  const reads = server.calls.filter(({ method }) => method === 'GET');
  expect(reads.every(({ range }) => range !== undefined)).toBe(true);
  // Table and both ends at the same time; the programme, then the media.
  expect(reads.length).toBeLessThanOrEqual(6);
});

test('the table of an MPEG-TS recording is deleted with it; without it the recording says why it does not play', async () => {
  const { server, box, files } = await ArchivedBox.inBucket((one) => record(one.recordings, 4, { format: 'mpegts' }));
  box.erase(files);
  const [tableKey = ''] = [...server.objects.keys()].filter((key) => key.endsWith('.table'));
  const table = server.objects.get(tableKey);
  server.objects.delete(tableKey);
  await expect(getBytes(box.playback, 0, 2)).rejects.toMatchObject({
    code: 'unsupported',
    message: expect.stringContaining('without a table'),
  });
  const [{ start = '' } = {}] = await listOf(box.playback);
  expect(start).not.toBe('');
  server.objects.set(tableKey, table ?? expect.unreachable('no table'));
  expect((await getBytes(box.playback, 0, 2)).length).toBeGreaterThan(0);
  await box.playback.deleteSegment('cam', start, () => undefined);
  expect([...server.objects.keys()]).toEqual([]);
});

test('a power cut at any time around a deletion loses and doubles nothing', async () => {
  const server = await S3Server.start();
  const place = { archiveURL: server.url };
  const box = new ArchivedBox();
  const files = await recordAll(box, 3);
  await box.start(place);
  await box.archived(3);
  box.playback.commit();
  const listed = await listOf(box.playback);
  const cuts = [box.snapshot()];
  for (const file of files.slice(0, 2)) {
    rmSync(file);
    cuts.push(box.snapshot());
    box.playback.segmentLog.removed(file);
    cuts.push(box.snapshot());
    box.playback.commit();
    cuts.push(box.snapshot());
  }
  for (const restore of cuts) {
    await box.stop();
    restore();
    await box.start(place);
    await box.until(async () => (await listOf(box.playback)).length === 3);
    expect(await listOf(box.playback)).toEqual(listed);
    expect(box.playback.space.bytesOf('cam').files).toBe(3);
    expect((await bytesAt(box.playback, 0)).length).toBeGreaterThan(0);
  }
});

test('bodies end with an error when the archive fails in the middle', async () => {
  let now: S3Fault;
  const { box, files } = await ArchivedBox.inBucket((one) => recordAll(one, 1), {
    fault: ({ method }) => (method === 'GET' ? now : undefined),
  });
  box.erase(files);
  const query = { path: 'cam', startUs: WALL * 1000, durationUs: 4e6, format: 'fmp4' } as const;
  const { file } = await box.playback.get(query);
  now = { status: 403, code: 'AccessDenied' };
  await expect(buffer(file.read(0, file.sizeBytes))).rejects.toThrow('denies access');
});

test('after a change of the time zone and the loss of the index nothing is archived or listed twice, and all is archived', async () => {
  const server = await S3Server.start();
  const box = new ArchivedBox();
  const files = await recordAll(box, 3);
  await box.start({ archiveURL: server.url });
  await box.archived(3);
  const [listed, objects] = [await listOf(box.playback), [...server.objects.keys()]];
  await box.stop();
  box.lose('segments.db');
  box.zone = 'Europe/Berlin';
  const later = await record(box.recordings, SECONDS, { wall: WALL + 10 * 3_600_000, zone: box.zone });
  await box.start({ archiveURL: server.url });
  await box.archived(4);
  expect([...server.objects.keys()]).toEqual([...objects, expect.stringContaining('/2026-07-01/22-00-00')]);
  const timesOf = (entries: Awaited<ReturnType<typeof listOf>>) =>
    entries.map(({ start, duration }) => [Date.parse(start), duration]);
  expect(timesOf(await listOf(box.playback)).slice(0, 3)).toEqual(timesOf(listed));
  box.erase([...files, ...later]);
  expect(timesOf(await listOf(box.playback)).slice(0, 3)).toEqual(timesOf(listed));
});

import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { SETTINGS } from '../../../test/features/archive/support/archive-harness.ts';
import { ArchivedBox } from '../../../test/features/archive/support/archived-box.ts';
import { type S3Fault, S3Server } from '../../../test/features/archive/support/s3-server.ts';
import { record, WALL } from '../../../test/support/disks/recordings.ts';
import { newSigningKey, signFiles, verified } from '../../../test/support/disks/signed-recordings.ts';
import { getBytes } from '../../../test/support/harness/playback.ts';
import { archivedFactsOf } from './archive-source.ts';
import { Restore } from './copies/restore.ts';
import type { ArchiveSettings } from './storage/settings.ts';

const { signal } = new AbortController();

function restoreOf(box: ArchivedBox, place: string | Partial<ArchiveSettings>, id?: string): Restore {
  return new Restore({
    ...{
      settings: { ...SETTINGS, ...(typeof place === 'string' ? { archiveURL: place } : place) },
      dataDir: box.dataDir,
      box: id,
      source: { archivedFactsOf },
      keys: box.keys,
    },
    wallMs: () => box.clock.wallMs(),
    onFault: (error) => expect.unreachable(String(error)),
  });
}

const listOf = ({ playback }: ArchivedBox) => playback.list('cam', undefined, undefined, '').catch(() => []);

/** A box with five archived recordings, whose disks are lost. */
async function lost(
  fault: (key: string) => S3Fault = () => undefined,
  sign: (files: readonly string[]) => Promise<unknown> = async () => {},
  archiveEncryption: 'yes' | 'no' = 'no',
) {
  const server = await S3Server.start({
    fault: ({ method, key }) => (method === 'GET' ? fault(key) : undefined),
  });
  const box = new ArchivedBox();
  for (let i = 0; i < 5; i += 1) {
    await sign(await record(box.recordings, 3, { wall: WALL + i * 3_600_000 }));
  }
  await box.start({ archiveURL: server.url, archiveEncryption });
  await box.archived(5);
  const listed = await listOf(box);
  await box.stop();
  rmSync(join(box.recordings, 'cam'), { recursive: true });
  box.lose('archive.db');
  box.lose('segments.db');
  rmSync(join(box.dataDir, 'archive.json'));
  const [id = ''] = [...server.objects.keys()].map((key) => key.split('/')[1]);
  return { server, box, listed, id };
}

test('the recordings of a lost box are listed again, and its id is that of the new one', async () => {
  const { server, box, listed, id } = await lost();
  const restore = restoreOf(box, server.url);
  expect(await restore.run(signal)).toMatchObject({ box: id, files: 5, unreadableFiles: 0 });
  server.calls.length = 0;
  await box.start({ archiveURL: server.url });
  await box.until(async () => (await listOf(box)).length === 5);
  expect(await listOf(box)).toEqual(listed);
  // Nothing is listed or read again.
  expect(server.calls.filter(({ method, key }) => method === 'GET' && key !== '')).toEqual([]);
  expect(server.objects.size).toBe(5);
});

test('what was signed by a lost box verifies after its recordings are back', async () => {
  const key = newSigningKey();
  const { server, box } = await lost(undefined, (files) => signFiles(files, key));
  await restoreOf(box, server.url).run(signal);
  await box.start({ archiveURL: server.url });
  await box.until(async () => (await listOf(box)).length === 5);
  const cut = join(box.folder, 'cut.mp4');
  writeFileSync(cut, await getBytes(box.playback, 3_600_000, 3, 'mp4'));
  expect(await verified(cut, { key: key.fingerprint })).toMatchObject({ code: 0 });
});

test('it continues where it ended, and reads only the ends of recordings', async () => {
  let reads = 0;
  const { server, box, id } = await lost((key) => {
    reads += key.endsWith('.mp4') ? 1 : 0;
    return reads > 6 ? { status: 503, code: 'SlowDown' } : undefined;
  });
  reads = 0;
  await expect(restoreOf(box, server.url).run(signal)).rejects.toThrow('asks for fewer requests');
  const first = server.calls.filter(({ range }) => range !== undefined).length;
  reads = Number.NEGATIVE_INFINITY;
  server.calls.length = 0;
  expect(await restoreOf(box, server.url).run(signal)).toMatchObject({ box: id, files: 5 });
  const again = server.calls.filter(({ range }) => range !== undefined);
  expect(first).toBeGreaterThan(2);
  expect(again.length).toBeLessThan(10);
  expect(server.calls.every(({ query }) => !query.has('list-type'))).toBe(true);
});

test('of several boxes one is chosen by its id', async () => {
  const { server, box, id } = await lost();
  const [[key = '', object] = []] = server.objects;
  server.objects.set(key.replace(id, 'aaaaaaaaaaaa'), object as { bytes: Buffer; tag: string });
  await expect(restoreOf(box, server.url).run(signal)).rejects.toThrow(/several boxes: add --box with one of/);
  await expect(restoreOf(box, server.url, 'nobody').run(signal)).rejects.toThrow("'nobody' is not the id of a box");
  expect(await restoreOf(box, server.url, 'aaaaaaaaaaaa').run(signal)).toMatchObject({ files: 1 });
  // This one has recordings now.
  await expect(restoreOf(box, server.url, id).run(signal)).rejects.toThrow('cannot continue as');
});

test('an object that is no recording is counted, and not listed', async () => {
  const { server, box, id } = await lost();
  const damaged = { bytes: Buffer.alloc(1_000, 7), tag: 'x' };
  server.objects.set(`perch/${id}/cam/2026-07-01/23-00-00-000000Z.mp4`, damaged);
  server.objects.set(`perch/${id}/cam/2026-07-01/23-30-00-000000Z.ts`, damaged);
  expect(await restoreOf(box, server.url).run(signal)).toMatchObject({ files: 7, unreadableFiles: 2 });
  await box.start({ archiveURL: server.url });
  await box.until(async () => (await listOf(box)).length === 5);
});

test('one recording with an unknown key does not hold up the others', async () => {
  const { server, box, id, listed } = await lost();
  const key = `perch/${id}/cam/2026-07-01/11-00-00-000000Z.mp4.enc`;
  server.objects.set(key, { bytes: Buffer.alloc(200_000, 7), tag: 'x' });
  expect(await restoreOf(box, server.url).run(signal)).toMatchObject({ files: 6, unreadableFiles: 1 });
  await box.start({ archiveURL: server.url });
  await box.until(async () => (await listOf(box)).length === 5);
  expect(await listOf(box)).toEqual(listed);
});

test('a key that is added while Perch runs is used at once, also while recordings are being read', async () => {
  for (const isBusy of [false, true]) {
    const { server, box } = await lost(undefined, undefined, 'yes');
    const keys = box.keys as { all: readonly Uint8Array[] };
    const { all } = keys;
    // The new box has another key.
    keys.all = [Buffer.alloc(32, 9)];
    const settings = { archiveURL: server.url, archiveEncryption: 'yes' } as const;
    expect(await restoreOf(box, settings).run(signal)).toMatchObject({ files: 5, unreadableFiles: 5 });
    await box.start(settings);
    await box.until(() => box.link.status.unreadFiles === 5);
    await delay(isBusy ? 0 : 300);
    keys.all = all;
    box.link.keyAdded();
    await vi.waitFor(() => expect(box.link.status.unreadFiles).toBe(0));
    await vi.waitFor(async () => expect(await listOf(box)).toHaveLength(5));
    await box.stop();
  }
});

test('an archive without recordings of a box says so', async () => {
  const server = await S3Server.start();
  await expect(restoreOf(new ArchivedBox(), server.url).run(signal)).rejects.toThrow('of no box');
});

test('a folder that is not mounted is no empty archive', async () => {
  const box = new ArchivedBox();
  const nas = join(box.folder, 'nas');
  mkdirSync(nas);
  await record(box.recordings, 3);
  const settings = { archive: 'folder', archiveFolder: nas } as const;
  await box.start(settings);
  await box.archived(1);
  await box.stop();
  box.lose('archive.db');
  renameSync(nas, `${nas}.mounted`);
  mkdirSync(nas);
  await expect(restoreOf(box, settings).run(signal)).rejects.toThrow(/nas.*is its disk mounted/);
  rmSync(nas, { recursive: true });
  renameSync(`${nas}.mounted`, nas);
  expect(await restoreOf(box, settings).run(signal)).toMatchObject({ files: 1, unreadableFiles: 0 });
});

test('an archive without recordings of the chosen box says so each time', async () => {
  const server = await S3Server.start();
  const box = new ArchivedBox();
  for (let i = 0; i < 2; i += 1) {
    await expect(restoreOf(box, server.url, '0123456789ab').run(signal)).rejects.toThrow(
      'perch/0123456789ab/ of the archive has no recordings',
    );
  }
});

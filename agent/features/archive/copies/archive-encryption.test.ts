import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import {
  ArchiveHarness,
  RECORDED_BYTES,
  SETTINGS,
  sha256,
} from '../../../../test/features/archive/support/archive-harness.ts';
import { S3Server } from '../../../../test/features/archive/support/s3-server.ts';
import type { LocalRecording } from '../storage/contracts.ts';
import { openStorage } from './open-storage.ts';

test('an encrypted archive has nothing that can be read, and each recording once after a restart without its list', async () => {
  const server = await S3Server.start();
  const box = new ArchiveHarness();
  box.record();
  const settings = { archiveURL: server.url, archiveEncryption: 'yes' as const };
  const link = await box.link(settings);
  await box.settled(link);
  await link.close();
  expect(link.status.archived).toEqual({ files: 2, bytes: RECORDED_BYTES });
  const keys = [...server.objects.keys()].sort();
  expect(keys).toEqual([expect.stringMatching(/mp4\.enc$/), expect.stringMatching(/mp4\.enc$/)]);
  const own = keys[0]?.slice(0, 'perch/'.length + 13) ?? '';
  const storage = openStorage({
    settings: { ...SETTINGS, ...settings },
    ...{ own, isMarked: true, keys: box.keys, wallMs: () => box.clock.wallMs() },
  });
  onTestFinished(() => storage.close());
  const { signal } = new AbortController();
  for (const [i, key] of keys.entries()) {
    const file = readFileSync(box.recordings[i]?.file ?? '');
    expect(await storage.sizeOf(key, signal)).toBe(file.length);
    expect(sha256(await storage.read(key, 0, file.length, signal))).toBe(sha256(file));
    expect(server.objects.get(key)?.bytes.includes(file.subarray(0, 32))).toBe(false);
  }

  for (const suffix of ['', '-wal', '-shm']) {
    rmSync(join(box.dataDir, `archive.db${suffix}`), { force: true });
  }
  server.calls.length = 0;
  const next = await box.link(settings);
  await box.until(() => box.recordings.every((one) => !next.isAwaited(one, one.file)));
  expect(server.calls.filter(({ method }) => method === 'PUT' || method === 'POST')).toEqual([]);
  expect(next.status.archived).toEqual({ files: 2, bytes: RECORDED_BYTES });
  expect([...server.objects.keys()].sort()).toEqual(keys);
});

test('recordings of an archive that is encrypted later stay as they are; without the list they are replaced', async () => {
  const server = await S3Server.start();
  const box = new ArchiveHarness();
  box.record([1_000]);
  const first = await box.link({ archiveURL: server.url });
  await box.settled(first);
  await first.close();
  const settings = { archiveURL: server.url, archiveEncryption: 'yes' as const };
  const second = await box.link(settings);
  box.record([2_000]);
  await box.settled(second);
  await second.close();
  expect([...server.objects.keys()].map((key) => key.endsWith('.enc'))).toEqual([false, true]);
  rmSync(join(box.dataDir, 'archive.db'));
  const third = await box.link(settings);
  await box.until(() => box.recordings.every((one) => !third.isAwaited(one, one.file)));
  expect([...server.objects.keys()].map((key) => key.endsWith('.enc'))).toEqual([true, true]);
});

/** A box whose only recording was archived in clear, and whose list is lost. */
async function clearBox(server: S3Server) {
  const box = new ArchiveHarness();
  const [one] = box.record([1_000]) as [LocalRecording];
  const link = await box.link({ archiveURL: server.url });
  await box.settled(link);
  await link.close();
  rmSync(join(box.dataDir, 'archive.db'));
  const [[key, object] = ['', undefined]] = server.objects;
  return { box, one, key, object: object as NonNullable<typeof object>, bytes: readFileSync(one.file) };
}

test('of a recording with two objects the unencrypted one is deleted when the other is verified', async () => {
  const server = await S3Server.start();
  const { box, one, key, object } = await clearBox(server);
  const settings = { archiveURL: server.url, archiveEncryption: 'yes' as const };
  const link = await box.link(settings);
  await box.until(() => !link.isAwaited(one, one.file));
  await link.close();
  rmSync(join(box.dataDir, 'archive.db'));
  server.objects.set(key, object);
  const next = await box.link(settings);
  await box.until(() => !next.isAwaited(one, one.file));
  expect([...server.objects.keys()]).toEqual([`${key}.enc`]);
  await next.close();

  // Both are known without the file, too.
  rmSync(join(box.dataDir, 'archive.db'));
  server.objects.set(key, object);
  box.recordings.length = 0;
  const last = await box.link(settings);
  await box.until(() => last.status.archived.files === 1 && last.status.unreadFiles === 0);
  await last.recordings.remove(one.path, one.nameUs);
  expect(server.objects.size).toBe(0);
  expect(last.status.archived).toEqual({ files: 0, bytes: 0 });
});

test('a power cut while the unencrypted object is deleted does not lose the other one', async () => {
  let restore: (() => void) | undefined;
  let box: ArchiveHarness | undefined;
  const server = await S3Server.start({
    fault: ({ method, query }) => {
      const isCut = method === 'DELETE' && !query.has('uploadId') && restore === undefined;
      restore ??= isCut ? box?.snapshot() : undefined;
      return isCut ? 'cut after' : undefined;
    },
  });
  const clear = await clearBox(server);
  box = clear.box;
  const { one, key, bytes } = clear;
  const settings = { archiveURL: server.url, archiveEncryption: 'yes' as const };
  const link = await box.link(settings);
  await box.until(() => restore !== undefined);
  await link.close();
  restore?.();
  rmSync(one.file);
  box.recordings.length = 0;
  const next = await box.link(settings);
  await box.until(() => server.calls.at(-1)?.query.has('uploads') === true);
  expect([...server.objects.keys()]).toEqual([`${key}.enc`]);
  const file = next.recordings.open(next.recordings.find(one.path, one.nameUs)?.name ?? '');
  const read = Buffer.alloc(bytes.length);
  await file.read(read, 0, read.length, 0);
  expect(read.equals(bytes)).toBe(true);
});

test('without a key that can be read nothing is sent, and the state says so', async () => {
  const server = await S3Server.start();
  const box = new ArchiveHarness();
  box.record([1_000]);
  const { keys } = box;
  box.keys = { current: undefined, all: [] };
  const link = await box.link({ archiveURL: server.url, archiveEncryption: 'yes' });
  await box.until(() => link.status.failure !== undefined);
  expect(link.status.failure?.why).toBe('key');
  expect(server.objects.size).toBe(0);
  Object.assign(box.keys, keys);
  await box.settled(link);
});

test('parts of an encrypted upload that arrived before a power cut are not sent again', async () => {
  const { server, isOff, restore } = await S3Server.cutAtPart3();
  const box = new ArchiveHarness();
  box.record([20 << 20]);
  const settings = { archiveURL: server.url, archiveEncryption: 'yes' as const };
  const link = await box.link(settings);
  await box.until(isOff);
  await link.close();
  await box.until(() => server.connections === 0);
  restore();
  await box.settled(await box.link(settings));
  expect(server.parts).toEqual(['3']);
});

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { keyRing, SETTINGS } from '../../../../test/features/archive/support/archive-harness.ts';
import { type S3Fault, S3Server } from '../../../../test/features/archive/support/s3-server.ts';
import { temporaryFolder } from '../../../../test/support/disks/recordings.ts';
import type { ArchiveStorage, Upload } from '../storage/contracts.ts';
import type { TargetSettings } from '../storage/settings.ts';
import { openStorage } from './open-storage.ts';

const OWN = 'perch/0123456789ab/';
const KEY = `${OWN}yard/2026-01-31/18-00-00-000000Z.mp4`;
const KEYS = keyRing();
const CONTENT = Buffer.from(Array.from({ length: 1_000 }, (_, i) => i % 251));

const openOf = (settings: Partial<TargetSettings>): ArchiveStorage =>
  openStorage({
    settings: { ...SETTINGS, ...settings },
    own: OWN,
    isMarked: false,
    keys: KEYS,
    wallMs: () => Date.now(),
  });

const uploadOf = (signal: AbortSignal): Upload => ({
  key: KEY,
  sizeBytes: CONTENT.length,
  read: async (position, length) => CONTENT.subarray(position, position + length),
  pace: async () => {},
  checkPoint: () => {},
  unfinished: undefined,
  begun: async () => {},
  sent: () => {},
  signal,
});

async function expectReads(storage: ArchiveStorage): Promise<void> {
  const { signal } = new AbortController();
  await storage.put(uploadOf(signal));
  expect(Buffer.from(await storage.read(KEY, 100, 50, signal))).toEqual(CONTENT.subarray(100, 150));
  expect(await storage.sizeOf(KEY, signal)).toBe(CONTENT.length);
  await expect(storage.sizeOf(`${KEY}.other`, signal)).rejects.toMatchObject({ context: { why: 'gone' } });
  await expect(storage.read(`${KEY}.other`, 0, 10, signal)).rejects.toMatchObject({
    code: 'notFound',
    message: expect.stringContaining('no longer has this recording'),
    context: { why: 'gone' },
  });
  storage.close();
}

test('a bucket gives any range of a recording, and says that one is gone', async () => {
  const server = await S3Server.start();
  await expectReads(openOf({ archiveURL: server.url }));
});

test('a folder gives any range of a recording, and says that one is gone', async () => {
  using folder = temporaryFolder();
  const nas = join(folder.path, 'nas');
  mkdirSync(nas);
  await expectReads(openOf({ archive: 'folder', archiveFolder: nas }));
});

test('a read from a bucket ends when its signal aborts', async () => {
  const server = await S3Server.start({ fault: ({ method }) => (method === 'GET' ? 'silent' : undefined) });
  const storage = openOf({ archiveURL: server.url });
  const stop = new AbortController();
  const read = storage.read(KEY, 0, 10, stop.signal);
  stop.abort();
  await expect(read).rejects.toMatchObject({ name: 'AbortError' });
  storage.close();
});

test.for([
  ['a proxy', { status: 404, code: '' }, 'other'],
  ['a server without the bucket', { status: 404, code: 'NoSuchBucket' }, 'noBucket'],
  ['a server without the object', { status: 404, code: 'NoSuchKey' }, 'gone'],
] as const)('an encrypted recording that %s does not find is gone only if the object is', async ([, fault, why]) => {
  let now: S3Fault;
  const server = await S3Server.start({ fault: () => now });
  const storage = openOf({ archiveURL: server.url, archiveEncryption: 'yes' });
  const { signal } = new AbortController();
  const key = `${KEY}.enc`;
  await storage.put({ ...uploadOf(signal), key });
  now = fault;
  await expect(storage.read(key, 0, 10, signal)).rejects.toMatchObject({ context: { why } });
  await expect(storage.sizeOf(key, signal)).rejects.toMatchObject({ context: { why } });
  now = undefined;
  expect(Buffer.from(await storage.read(key, 100, 50, signal))).toEqual(CONTENT.subarray(100, 150));
  storage.close();
});

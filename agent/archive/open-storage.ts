import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FolderStorage } from './folder/folder-storage.ts';
import { ownPrefix } from './object-key.ts';
import { S3Storage } from './s3/s3-storage.ts';
import type { ArchiveStorage, Upload } from './storage/contracts.ts';
import { archiveFailure } from './storage/failure.ts';
import type { TargetSettings } from './storage/settings.ts';

interface StorageOptions {
  readonly settings: TargetSettings;
  /** `PREFIX/BOX/` */
  readonly own: string;
  readonly isMarked: boolean;
  readonly wallMs: () => number;
  /** At the same time, of a bucket. Default: as many as one upload needs. */
  readonly maxConnections?: number;
}

/** @throws PerchError for plain http to a public address */
export function openStorage({ settings, own, isMarked, wallMs, maxConnections }: StorageOptions): ArchiveStorage {
  return settings.archive === 'folder'
    ? new FolderStorage({ folder: settings.archiveFolder, own, isMarked })
    : new S3Storage(settings, wallMs, maxConnections);
}

const TEST_BYTES = 1_000;

/**
 * Does with a small object all that the archive does with recordings, and deletes it.
 * @throws PerchError that says what fails
 */
export async function testStorage(settings: TargetSettings, wallMs: () => number, signal: AbortSignal): Promise<void> {
  // Apart from the recordings of every box.
  const own = ownPrefix(settings.archivePrefix, `perch-test-${randomBytes(6).toString('hex')}`);
  const storage = openStorage({ settings, own, isMarked: false, wallMs });
  try {
    await tryAll(storage, own, signal);
  } finally {
    storage.close();
    if (settings.archive === 'folder') {
      await rm(join(settings.archiveFolder, own), { recursive: true, force: true }).catch(() => {});
    }
  }
}

async function tryAll(storage: ArchiveStorage, own: string, signal: AbortSignal): Promise<void> {
  const content = randomBytes(TEST_BYTES);
  const key = `${own}test`;
  await storage.removeUnfinished(own, undefined, signal);
  await storage.put(uploadOf(key, content, signal));
  try {
    const part = await storage.read(key, 100, 200, signal);
    if (!content.subarray(100, 300).equals(part)) {
      throw archiveFailure('damaged', 'the archive gives back other bytes than it got');
    }
    const listed: string[] = [];
    for await (const one of storage.list(own, signal)) {
      listed.push(one.key);
    }
    if (!listed.includes(key)) {
      throw archiveFailure('noS3', 'the archive does not list what it has');
    }
  } finally {
    await storage.remove(key, signal);
  }
}

const uploadOf = (key: string, content: Buffer, signal: AbortSignal): Upload => ({
  key,
  sizeBytes: content.length,
  read: async (position, length) => content.subarray(position, position + length),
  pace: async () => {},
  checkPoint: () => signal.throwIfAborted(),
  unfinished: undefined,
  begun: async () => {},
  sent: () => {},
  signal,
});

import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type ArchiveKeyRing, EncryptedStorage } from '../encryption/encrypted-storage.ts';
import { newArchiveKey } from '../encryption/key-text.ts';
import { encryptedKey } from '../encryption/layout.ts';
import { FolderStorage } from '../folder/folder-storage.ts';
import { unlessHung } from '../folder/hung-disk.ts';
import { S3Storage } from '../s3/s3-storage.ts';
import { uploadOf } from '../storage/bytes-upload.ts';
import type { ArchiveStorage, Upload } from '../storage/contracts.ts';
import { archiveFailure } from '../storage/failure.ts';
import { isEncrypted, type TargetSettings } from '../storage/settings.ts';
import { ownPrefix } from './object-key.ts';

interface StorageOptions {
  readonly settings: TargetSettings;
  /** `PREFIX/BOX/` */
  readonly own: string;
  readonly isMarked: boolean;
  readonly keys: ArchiveKeyRing;
  readonly wallMs: () => number;
  /** Maximum number of concurrent connections to a bucket. Default: as many as one upload needs. */
  readonly maxConnections?: number;
}

/** @throws PerchError for plain http to a public address */
export function openStorage(options: StorageOptions): ArchiveStorage {
  const { settings, own, isMarked, keys, wallMs, maxConnections } = options;
  const storage =
    settings.archive === 'folder'
      ? new FolderStorage({ folder: settings.archiveFolder, own, isMarked })
      : new S3Storage(settings, wallMs, maxConnections);
  return new EncryptedStorage({ storage, keys, prefix: settings.archivePrefix });
}

const TEST_BYTES = 1_000;

/**
 * Tries every operation of the archive on small objects, and deletes them.
 * @throws PerchError that says what fails
 */
export async function testStorage(settings: TargetSettings, wallMs: () => number, signal: AbortSignal): Promise<void> {
  // A prefix of its own, below which no box has recordings.
  const own = ownPrefix(settings.archivePrefix, `perch-test-${randomBytes(6).toString('hex')}`);
  const key = newArchiveKey();
  const storage = openStorage({ settings, own, isMarked: false, keys: { current: key, all: [key] }, wallMs });
  try {
    await tryAll(storage, isEncrypted(settings) ? encryptedKey(`${own}test`) : `${own}test`, own, signal);
  } finally {
    storage.close();
    if (settings.archive === 'folder') {
      const left = join(settings.archiveFolder, own);
      await unlessHung(settings.archiveFolder, () => rm(left, { recursive: true, force: true })).catch(() => {});
    }
  }
}

async function tryAll(storage: ArchiveStorage, key: string, own: string, signal: AbortSignal): Promise<void> {
  const content = randomBytes(TEST_BYTES);
  const upload = uploadOf(key, content, signal);
  await tryUnfinished(storage, upload, own);
  for (const isMultipart of [false, true]) {
    await storage.put({ ...upload, isMultipart });
    try {
      await tryReading(storage, upload, content, own);
    } finally {
      await storage.remove(key, signal);
    }
  }
}

/** An upload that ends before its first part is aborted. */
async function tryUnfinished(storage: ArchiveStorage, upload: Upload, own: string): Promise<void> {
  const interrupted = new Error('interrupted');
  const checkPoint = () => {
    throw interrupted;
  };
  await storage.put({ ...upload, isMultipart: true, checkPoint }).catch((error: unknown) => {
    if (error !== interrupted) {
      throw error;
    }
  });
  await storage.removeUnfinished(own, undefined, upload.signal);
}

async function tryReading(storage: ArchiveStorage, upload: Upload, content: Buffer, own: string): Promise<void> {
  const { key, signal } = upload;
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
}

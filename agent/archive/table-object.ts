import { encryptedKey, isEncryptedKey, plainKey } from './encryption/layout.ts';
import { type ArchiveStorage, MAX_READ_BYTES } from './storage/contracts.ts';
import { archiveFailure } from './storage/failure.ts';

const SUFFIX = '.table';
/** A day of MPEG-TS takes 15 MB. */
const MAX_TABLE_BYTES = 64 << 20;

/** The object with the table of a recording: next to it, and no recording by its name. */
export const tableKey = (key: string): string =>
  isEncryptedKey(key) ? encryptedKey(`${plainKey(key)}${SUFFIX}`) : `${key}${SUFFIX}`;

/** @throws PerchError, `gone` if there is none */
export async function readTable(storage: ArchiveStorage, key: string, signal: AbortSignal): Promise<Uint8Array> {
  const name = tableKey(key);
  const sizeBytes = await storage.sizeOf(name, signal);
  if (sizeBytes > MAX_TABLE_BYTES) {
    throw archiveFailure('damaged', `the table ${name} has ${sizeBytes} bytes, at most ${MAX_TABLE_BYTES}`);
  }
  const bytes = new Uint8Array(sizeBytes);
  for (let at = 0; at < sizeBytes; at += MAX_READ_BYTES) {
    bytes.set(await storage.read(name, at, Math.min(MAX_READ_BYTES, sizeBytes - at), signal), at);
  }
  return bytes;
}

/** Deletes a recording and its table. */
export async function removeCopy(storage: ArchiveStorage, key: string, signal: AbortSignal): Promise<void> {
  await storage.remove(key, signal);
  if (plainKey(key).endsWith('.ts')) {
    await storage.remove(tableKey(key), signal);
  }
}

import { MAX_RANGE_BYTES } from '../../../record/store/range-file.ts';
import { encryptedKey, isEncryptedKey, plainKey } from '../encryption/layout.ts';
import type { ArchiveStorage } from '../storage/contracts.ts';
import { archiveFailure } from '../storage/failure.ts';

/** Objects next to that of a recording, which are no recordings by their names: its table (of MPEG-TS), and its signatures. */
type Companion = 'table' | 'sig';

/** Largest companion object: the table of a day of MPEG-TS takes 15 MB. */
const MAX_BYTES = 64 << 20;

/** @param key of the recording */
export const companionKey = (key: string, companion: Companion): string =>
  isEncryptedKey(key) ? encryptedKey(`${plainKey(key)}.${companion}`) : `${key}.${companion}`;

/** The key of the recording whose signatures an object holds, without `.enc`, or undefined if the object holds no signatures. */
export const signedKeyOf = (key: string): string | undefined =>
  plainKey(key).endsWith('.sig') ? plainKey(key).slice(0, -'.sig'.length) : undefined;

/** Reads a companion object. @throws PerchError, `gone` if there is none */
export async function readCompanion(
  storage: ArchiveStorage,
  key: string,
  companion: Companion,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const name = companionKey(key, companion);
  const sizeBytes = await storage.sizeOf(name, signal);
  if (sizeBytes > MAX_BYTES) {
    throw archiveFailure('damaged', `${name} has ${sizeBytes} bytes, at most ${MAX_BYTES}`);
  }
  const bytes = new Uint8Array(sizeBytes);
  for (let at = 0; at < sizeBytes; at += MAX_RANGE_BYTES) {
    bytes.set(await storage.read(name, at, Math.min(MAX_RANGE_BYTES, sizeBytes - at), signal), at);
  }
  return bytes;
}

/** Deletes a recording and its companion objects. @param isSigned whether the archive may have its signatures */
export async function removeCopy(
  storage: ArchiveStorage,
  key: string,
  isSigned: boolean,
  signal: AbortSignal,
): Promise<void> {
  await storage.remove(key, signal);
  if (plainKey(key).endsWith('.ts')) {
    await storage.remove(companionKey(key, 'table'), signal);
  }
  if (isSigned) {
    await storage.remove(companionKey(key, 'sig'), signal);
  }
}

import type { Stats } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PerchError } from '../../base/errors.ts';
import { openRegularFile } from '../../base/files/open-regular-file.ts';
import { readFull } from '../../base/files/read-full.ts';
import { RECORDING_MODE } from '../../record/file/segment-fs.ts';
import { leftOut } from './left-file.ts';

/**
 * Bytes copied at a time: a recorder's write waits at most for one chunk. With chunks of 1 MB a copy takes 1.7 times the CPU
 * time.
 */
const CHUNK_BYTES = 1 << 18;
/** More unwritten bytes would hold up the flush of a recorder. */
export const FLUSH_BYTES = 8 << 20;

/** Work on files that may wait for recording. */
export interface ImportPace {
  readonly signal: AbortSignal;
  /** Work begins: what came before it was waiting. */
  begin?(): void;
  /** Before the next chunk, a megabyte at most. @throws the reason of the signal once that is aborted */
  wait(): Promise<void>;
}

/** A regular file, and no link to one. */
export const openSource = (file: string): Promise<FileHandle> => openRegularFile(file, 'no links');

type OnBytes = (bytes: number) => void;

/**
 * Copies a file to a new one, whose end is not flushed yet. One half of `FLUSH_BYTES` is flushed while the other one is written.
 * @param onBytes after each chunk
 */
export async function copyTo(
  source: FileHandle,
  draft: string,
  pace: ImportPace,
  onBytes: OnBytes = () => {},
): Promise<void> {
  const out = await open(draft, 'wx', RECORDING_MODE);
  let flush = Promise.resolve();
  try {
    let unflushed = 0;
    await readAll(source, pace, async (chunk, position) => {
      await writeAll(out, chunk, position);
      onBytes(chunk.length);
      unflushed += chunk.length;
      if (unflushed >= FLUSH_BYTES / 2) {
        unflushed = 0;
        await flush;
        flush = out.datasync();
        flush.catch(() => {});
      }
    });
    await flush;
  } finally {
    await flush.catch(() => {});
    await out.close();
  }
}

/** Whether two files have the same bytes. Both are read at the same time. */
export async function haveSameBytes(file: string, other: string, pace: ImportPace): Promise<boolean> {
  await using handle = await openSource(file);
  await using otherHandle = await openSource(other);
  const [bytes, otherBytes] = [Buffer.allocUnsafeSlow(CHUNK_BYTES), Buffer.allocUnsafeSlow(CHUNK_BYTES)];
  for (let position = 0; ; position += CHUNK_BYTES) {
    await pace.wait();
    const [count, otherCount] = await Promise.all([
      readFull(handle, bytes, position),
      readFull(otherHandle, otherBytes, position),
    ]);
    if (count !== otherCount || bytes.compare(otherBytes, 0, count, 0, count) !== 0) {
      return false;
    }
    if (count < CHUNK_BYTES) {
      return true;
    }
  }
}

/** @throws PerchError unless the draft has the bytes of a file that has not changed since */
export async function requireCopy(file: string, draft: string, before: Stats, pace: ImportPace): Promise<void> {
  const isSame = await haveSameBytes(file, draft, pace);
  const now = await stat(file);
  if (now.size !== before.size || now.mtimeMs !== before.mtimeMs || now.ino !== before.ino) {
    throw leftOut('busy', 'it changed meanwhile');
  }
  if (!isSame) {
    const text = `the disk of ${dirname(draft)} gives back other bytes than those of ${file}: check both disks and their cables`;
    throw new PerchError('unavailable', text, { why: 'disk' });
  }
}

/** Reads the next chunk while `take` uses the one before. */
async function readAll(
  handle: FileHandle,
  pace: ImportPace,
  take: (chunk: Uint8Array, position: number) => Promise<void>,
): Promise<void> {
  let [buffer, spare] = [Buffer.allocUnsafeSlow(CHUNK_BYTES), Buffer.allocUnsafeSlow(CHUNK_BYTES)];
  await pace.wait();
  let bytesRead = await readFull(handle, buffer, 0);
  for (let position = 0; bytesRead > 0; ) {
    const taken = take(buffer.subarray(0, bytesRead), position);
    position += bytesRead;
    [buffer, spare] = [spare, buffer];
    [bytesRead] = await Promise.all([readFull(handle, buffer, position), taken]);
    await pace.wait();
  }
}

export async function writeAll(out: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await out.write(bytes, done, bytes.length - done, position + done);
    if (bytesWritten === 0) {
      throw new PerchError('exhausted', 'the disk is full', { why: 'full' });
    }
    done += bytesWritten;
  }
}

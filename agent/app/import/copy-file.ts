import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { PerchError } from '../../base/errors.ts';
import { openRegularFile } from '../../base/files/open-regular-file.ts';
import { readFull } from '../../base/files/read-full.ts';
import { sha256Of } from '../../base/sha256.ts';
import { RECORDING_MODE } from '../../record/file/segment-fs.ts';

/** Bytes copied at a time: a recorder's write waits at most for one chunk. */
const CHUNK_BYTES = 1 << 20;
/** More unwritten bytes would hold up the flush of a recorder. */
export const FLUSH_BYTES = 8 << 20;

/** Work on files that may wait for recording. */
export interface ImportPace {
  readonly signal: AbortSignal;
  /** Work begins: what came before it was waiting. */
  begin?(): void;
  /** Before the next megabyte. @throws the reason of the signal once that is aborted */
  wait(): Promise<void>;
}

/** A regular file, and no link to one. */
export const openSource = (file: string): Promise<FileHandle> => openRegularFile(file, 'no links');

type OnBytes = (bytes: number) => void;

/** Copies a file to a new one, whose end is not flushed yet. @param onBytes after each chunk */
export async function copyTo(source: FileHandle, draft: string, pace: ImportPace, onBytes: OnBytes): Promise<void> {
  await copyChunks(source, draft, pace, (chunk, write) => write.then(() => onBytes(chunk.length)));
}

/** Copies as `copyTo`. @returns what `digestOf` returns for the same bytes, of what was read */
export async function copyWithDigest(
  source: FileHandle,
  draft: string,
  pace: ImportPace,
  onBytes: OnBytes = () => {},
): Promise<string> {
  const digest = createHash('sha256');
  await copyChunks(source, draft, pace, async (chunk, write) => {
    const [own] = await Promise.all([sha256Of(chunk), write]);
    digest.update(own);
    onBytes(chunk.length);
  });
  return digest.digest('hex');
}

/** SHA-256 of the SHA-256 of each megabyte, which other threads compute. */
export async function digestOf(file: string, pace: ImportPace): Promise<string> {
  const digest = createHash('sha256');
  const handle = await openSource(file);
  try {
    await readAll(handle, pace, async (chunk) => {
      digest.update(await sha256Of(chunk));
    });
  } finally {
    await handle.close();
  }
  return digest.digest('hex');
}

/** One half of `FLUSH_BYTES` is flushed while the other one is written. @param done gets each chunk while it is written */
async function copyChunks(
  source: FileHandle,
  draft: string,
  pace: ImportPace,
  done: (chunk: Uint8Array, write: Promise<void>) => Promise<void>,
): Promise<void> {
  const out = await open(draft, 'wx', RECORDING_MODE);
  let flush = Promise.resolve();
  try {
    let unflushed = 0;
    await readAll(source, pace, async (chunk, position) => {
      await done(chunk, writeAll(out, chunk, position));
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

/** Reads the next chunk while `take` uses the one before. */
async function readAll(
  handle: FileHandle,
  pace: ImportPace,
  take: (chunk: Uint8Array, position: number) => Promise<void>,
): Promise<void> {
  let [buffer, spare] = [Buffer.allocUnsafeSlow(CHUNK_BYTES), Buffer.allocUnsafeSlow(CHUNK_BYTES)];
  await pace.wait();
  // Full chunks: the digest depends on their lengths.
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

import { createHash } from 'node:crypto';
import { createReadStream, type ReadStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { PerchError } from '../../../base/errors.ts';
import type { LockedArchive, LockedFile } from './archives.ts';
import { packFromNpm } from './npm.ts';
import { TarFiles } from './tar.ts';

/**
 * Files of a package of npm, downloaded below that folder, where nothing remains.
 * @param progress 0 to 1
 * @throws PerchError unavailable without npm or network; badInput if it is not the locked archive
 */
export async function fetchFiles(
  archive: LockedArchive,
  folder: string,
  progress: (done: number) => void,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Buffer>> {
  const stage = join(folder, 'download');
  await mkdir(stage, { recursive: true });
  try {
    const spec = `${archive.name}@${archive.version}`;
    const file = await packFromNpm(spec, stage, (bytes) => progress(Math.min(0.9, bytes / archive.bytes)), signal);
    const files = await takeFiles(file, archive, signal);
    progress(1);
    return files;
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
}

/** @param file the archive as downloaded @throws PerchError badInput if it is not the locked one */
async function takeFiles(
  file: string,
  archive: LockedArchive,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Buffer>> {
  const { name, version, integrity, files } = archive;
  const hash = createHash('sha512');
  await pipeline(read(file), hash, { signal });
  const found = `sha512-${hash.digest('base64')}`;
  if (found !== integrity) {
    throw new PerchError(
      'badInput',
      `${name} ${version} is not the archive that is expected: ${found}, not ${integrity}`,
    );
  }
  return unpack(file, new Map(Object.entries(files)), signal);
}

/**
 * Files of a compressed archive, in their locked sizes and with their hashes.
 * @param from a file, or the archive in pieces; it is read up to the end mark @param progress called with bytes of what is unpacked
 * @param maxBytes of what is unpacked; default: the archive is trusted
 * @throws PerchError badInput for another archive, a larger one, and one that cannot be read
 */
export async function unpack(
  from: string | AsyncIterable<Uint8Array>,
  files: ReadonlyMap<string, LockedFile>,
  signal: AbortSignal,
  progress: (bytes: number) => void = () => {},
  maxBytes = Number.POSITIVE_INFINITY,
): Promise<ReadonlyMap<string, Buffer>> {
  const name = typeof from === 'string' ? from : 'the archive of the release';
  let bytes = 0;
  const tar = new TarFiles(new Map([...files].map(([path, { bytes }]) => [path, bytes])));
  const take = async (pieces: AsyncIterable<Buffer>): Promise<void> => {
    for await (const piece of pieces) {
      tar.write(piece);
      bytes += piece.length;
      if (tar.isOver) {
        return;
      }
      if (bytes > maxBytes) {
        throw new PerchError('badInput', `${name} has more than ${maxBytes} bytes when it is unpacked`);
      }
      progress(bytes);
    }
  };
  try {
    await pipeline(typeof from === 'string' ? read(from) : from, createGunzip(), take, { signal });
  } catch (error) {
    signal.throwIfAborted();
    // Reading stops at the end mark, which is no fault.
    if (!tar.isOver) {
      throw error instanceof PerchError ? error : new PerchError('badInput', `cannot unpack ${name}`, {}, error);
    }
  }
  const taken = tar.end();
  for (const [path, locked] of files) {
    checkFile(taken.get(path) ?? Buffer.alloc(0), path, locked);
  }
  return taken;
}

/** @throws PerchError badInput if it is not the locked file */
export function checkFile(bytes: Uint8Array, name: string, { sha256 }: LockedFile): void {
  const hash = createHash('sha256').update(bytes).digest('hex');
  if (hash !== sha256) {
    throw new PerchError('badInput', `${name} has the SHA-256 ${hash}, expected ${sha256}`);
  }
}

/** `-` is stdin. It is not opened again: it may be a file that this user cannot open. */
const read = (file: string): ReadStream =>
  createReadStream(file, { highWaterMark: 256 << 10, ...(file === '-' && { fd: 0 }) });

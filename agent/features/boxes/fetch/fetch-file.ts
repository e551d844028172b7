import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { PerchError } from '../../../base/errors.ts';
import { sha256Of } from '../../../base/sha256.ts';
import { RECORDING_MODE } from '../../../record/file/segment-fs.ts';
import { FLUSH_BYTES, type ImportPace, writeAll } from '../../../recordings/copy/copy-file.ts';
import { leftOut } from '../../../recordings/copy/left-file.ts';
import { type ByteRange, MAX_PIECE_BYTES, type RecordedFile } from '../serving/paired-recording-routes.ts';
import type { BoxRecordings } from './box-recordings.ts';

const READ_BYTES = 1 << 20;

interface FetchFileOptions {
  readonly source: Pick<BoxRecordings, 'piece' | 'digest'>;
  /** Name of the path on the box. */
  readonly path: string;
  readonly file: RecordedFile;
  readonly pace: ImportPace;
  /** Called before each part; limits the rate. */
  readonly take: (bytes: number) => Promise<void>;
  readonly onBytes: (bytes: number) => void;
  /** Bytes per request; default: the most that the box sends. */
  readonly pieceBytes?: number;
}

/**
 * Fetches a recording into a draft, which may have a beginning of it. Each part is compared with the digest that the
 * box has sent, when it arrives and when it is read back from the disk.
 * @throws PerchError for a file to leave out, or if nothing can be fetched now; an error of the file system
 */
export async function fetchFile(draft: string, options: FetchFileOptions): Promise<void> {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
  const out = await open(draft, flags, RECORDING_MODE);
  try {
    const ranges = piecesOf(options.file.bytes, options.pieceBytes ?? MAX_PIECE_BYTES);
    const digests = await keptDigests(out, ranges, options);
    const kept = ranges[digests.length]?.first ?? options.file.bytes;
    await out.truncate(kept);
    options.onBytes(kept);
    await fetchPieces(out, ranges, digests, options);
    await out.sync();
    for (const [i, range] of ranges.entries()) {
      if ((await digestOfPart(out, range, options.pace)) !== digests[i]) {
        await out.truncate(0);
        const text = 'the disk gives back other bytes than were written: check it and its cable';
        throw new PerchError('unavailable', text, { why: 'disk' });
      }
    }
  } finally {
    await out.close();
  }
}

/** Digests of the parts that an earlier run has fetched, up to the first part that a power cut has damaged. */
async function keptDigests(
  out: FileHandle,
  ranges: readonly ByteRange[],
  { source, path, file, pace }: FetchFileOptions,
): Promise<string[]> {
  const { size } = await out.stat();
  const digests: string[] = [];
  for (const range of ranges) {
    const own = range.last < size ? await digestOfPart(out, range, pace) : undefined;
    if (own === undefined || own !== (await source.digest(path, file, range, pace.signal))) {
      break;
    }
    digests.push(own);
  }
  return digests;
}

/** The next parts are on their way while one is written. @param digests of the parts that are there; the others are added */
async function fetchPieces(
  out: FileHandle,
  ranges: readonly ByteRange[],
  digests: string[],
  options: FetchFileOptions,
): Promise<void> {
  const { pace, onBytes } = options;
  let unflushed = 0;
  const left = ranges.slice(digests.length);
  // The box reads one while it sends the other.
  const coming = left.splice(0, 2).map((range) => fetched(range, options));
  for (let next = coming.shift(); next; next = coming.shift()) {
    const { range, bytes, digest } = await next;
    coming.push(...left.splice(0, 1).map((one) => fetched(one, options)));
    pace.begin?.();
    for (let at = 0; at < bytes.length; at += READ_BYTES) {
      const chunk = bytes.subarray(at, at + READ_BYTES);
      await writeAll(out, chunk, range.first + at);
      onBytes(chunk.length);
      await pace.wait();
    }
    digests.push(digest);
    unflushed += bytes.length;
    if (unflushed >= FLUSH_BYTES) {
      unflushed = 0;
      await out.datasync();
    }
  }
}

function fetched(range: ByteRange, options: FetchFileOptions) {
  const piece = fetchPiece(range, options);
  // The caller that awaits it gets the error.
  piece.catch(() => {});
  return piece;
}

async function fetchPiece(range: ByteRange, { source, path, file, pace, take }: FetchFileOptions) {
  for (let tries = 1; ; tries += 1) {
    await take(range.last - range.first + 1);
    const piece = await source.piece(path, file, range, pace.signal);
    if ((await sha256Of(piece.bytes)) === piece.digest) {
      return { ...piece, range };
    }
    if (tries === 3) {
      throw leftOut(
        'damaged',
        `its bytes from ${range.first} on do not have the checksum that the box sends with them`,
      );
    }
  }
}

async function digestOfPart(handle: FileHandle, { first, last }: ByteRange, pace: ImportPace): Promise<string> {
  const bytes = Buffer.allocUnsafeSlow(last - first + 1);
  let done = 0;
  while (done < bytes.length) {
    await pace.wait();
    const { bytesRead } = await handle.read(bytes, done, Math.min(READ_BYTES, bytes.length - done), first + done);
    if (bytesRead === 0) {
      break;
    }
    done += bytesRead;
  }
  return sha256Of(bytes.subarray(0, done));
}

const piecesOf = (bytes: number, pieceBytes: number): ByteRange[] =>
  Array.from({ length: Math.ceil(bytes / pieceBytes) }, (_, i) => ({
    first: i * pieceBytes,
    last: Math.min((i + 1) * pieceBytes, bytes) - 1,
  }));

import { PerchError } from '../../base/errors.ts';
import { readFull } from '../../base/files/read-full.ts';
import { DAY_MS } from '../../base/time/units.ts';
import { fourcc } from '../../media/mp4/box/boxes.ts';
import { viewOf } from '../../media/mp4/box/walk.ts';
import { parseInit } from '../../media/mp4/read/read.ts';
import type { Mp4Track } from '../../media/mp4/read/read-track.ts';
import { MFRO_BYTES, mfraSize } from '../../media/mp4/write/mfra.ts';
import {
  initBytesOfTail,
  TAIL_HEAD_BYTES,
  TAIL_SIZE_BYTES,
  tailHasHoles,
} from '../../media/mp4/write/recording-tail.ts';
import { type FileMark, findFileMark } from './file-mark.ts';
import { type FileInit, MAX_INIT_BYTES, readInit } from './fragment-walk.ts';
import type { ReadableFile } from './segment-fs.ts';
import { findStreamMark, type StreamMark } from './stream-mark.ts';

const MFRA = fourcc('mfra');

interface TailPlace {
  readonly offset: number;
  readonly sizeBytes: number;
  /** Bytes between the fragments are lost. */
  readonly hasHoles: boolean;
}

export interface RecordingHead {
  /** For a finished file of Perch, the copy at its end: the header depends on a single sector. */
  readonly init: FileInit;
  /** From `mvhd` if credible; 0: derived from samples. */
  readonly durationMs: number;
  readonly mark: StreamMark | undefined;
  /** undefined for files without a mark of Perch. */
  readonly fileMark: FileMark | undefined;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  /** No more writes follow. Files of Perch have a tail, an `mfra` and a duration; others one of the last two. */
  readonly isFinished: boolean;
  readonly tail: TailPlace | undefined;
}

/**
 * @param isBeingWritten by this process: its end is reliable, though the duration is missing
 * @throws PerchError without a readable header
 */
export async function readRecordingHead(handle: ReadableFile, isBeingWritten = false): Promise<RecordingHead> {
  const { size: sizeBytes, mtimeMs } = await handle.stat();
  const mfraOffset = await findMfra(handle, sizeBytes);
  const found = mfraOffset === undefined ? undefined : await findTail(handle, mfraOffset);
  const own = await readInit(handle, sizeBytes).catch((error: unknown) => {
    if (error instanceof PerchError && found) {
      return undefined;
    }
    throw error;
  });
  const ownMark = findFileMark(own?.userData);
  const copyMark = findFileMark(found?.init.userData);
  // A tail left by another file has another mark. Without a duration the tail may be incomplete in its middle.
  const isOurs =
    !own || ((own.durationMs !== 0 || isBeingWritten) && ownMark?.firstSequence === copyMark?.firstSequence);
  const tail = isOurs ? found : undefined;
  const init = tail?.init ?? own;
  if (!init) {
    throw new PerchError('badInput', `recording of ${sizeBytes} bytes has no complete header`);
  }
  const durationMs = plausible(tail?.init.durationMs) || plausible(own?.durationMs);
  const fileMark = tail ? copyMark : ownMark;
  return {
    init,
    durationMs,
    mark: findStreamMark(init.userData),
    fileMark,
    sizeBytes,
    mtimeMs,
    isFinished: fileMark ? tail !== undefined : durationMs > 0 || mfraOffset !== undefined,
    tail: tail?.place,
  };
}

/** A longer `mvhd` duration is not credible. */
const plausible = (durationMs: number | undefined): number =>
  durationMs !== undefined && durationMs < 100 * DAY_MS ? durationMs : 0;

/** Offset of an `mfra` that ends the file. */
async function findMfra(handle: ReadableFile, sizeBytes: number): Promise<number | undefined> {
  const end = await readAt(handle, sizeBytes - MFRO_BYTES, MFRO_BYTES);
  const mfraBytes = end && mfraSize(end);
  const head = mfraBytes === undefined ? undefined : await readAt(handle, sizeBytes - mfraBytes, 8);
  const view = head && viewOf(head);
  const isWhole = view?.getUint32(0) === mfraBytes && view?.getUint32(4) === MFRA;
  return isWhole && mfraBytes !== undefined ? sizeBytes - mfraBytes : undefined;
}

/** The tail that ends at `end`, without its sample table. */
async function findTail(
  handle: ReadableFile,
  end: number,
): Promise<{ readonly place: TailPlace; readonly init: FileInit } | undefined> {
  const last = await readAt(handle, end - TAIL_SIZE_BYTES, TAIL_SIZE_BYTES);
  const sizeBytes = last ? viewOf(last).getUint32(0) : 0;
  const offset = end - sizeBytes;
  // The longest possible recording has a tail of about 60 MB.
  const head = sizeBytes > 128 << 20 ? undefined : await readAt(handle, offset, TAIL_HEAD_BYTES);
  const initBytes = head && initBytesOfTail(head, sizeBytes);
  const isPossible = initBytes !== undefined && initBytes <= MAX_INIT_BYTES;
  const bytes = isPossible ? await readAt(handle, offset + TAIL_HEAD_BYTES, initBytes) : undefined;
  try {
    const init = bytes && parseInit(bytes);
    const place = { offset, sizeBytes, hasHoles: head !== undefined && tailHasHoles(head) };
    return init && { place, init: { ...init, bytes: bytes.subarray(0, init.sizeBytes) } };
  } catch (error) {
    if (error instanceof PerchError) {
      return undefined;
    }
    throw error;
  }
}

/** Exactly this many bytes; undefined if the file is shorter. */
export async function readAt(handle: ReadableFile, at: number, sizeBytes: number): Promise<Uint8Array | undefined> {
  if (at < 0 || sizeBytes <= 0) {
    return undefined;
  }
  const bytes = new Uint8Array(sizeBytes);
  return (await readFull(handle, bytes, at)) === sizeBytes ? bytes : undefined;
}

export const trackIdsOf = (init: FileInit): number[] => init.tracks.map((track) => track.id);

/** Tracks as text: recordings with the same one may continue each other. */
export const signatureOf = (tracks: readonly Mp4Track[]): string =>
  tracks.map((track) => `${track.id}:${track.timescale}:${track.codec}`).join(',');

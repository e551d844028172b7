import { dirname } from 'node:path';
import { inBatches } from '../retention/delete-path.ts';
import type { DeletionReason } from '../retention/deletion-trace.ts';
import type { Deletions } from '../retention/deletions.ts';

/** Limit for skipping recordings that stay (protected or foreign). Of other disks ten times as many are skipped. */
const MAX_KEPT = 20_000;
/** Skipped before other work gets its turn. */
const SKIPPED_AT_ONCE = 1_000;

export interface IndexedRecording {
  readonly file: string;
  readonly path: string;
  /** Corrected start, Unix microseconds. */
  readonly startUs: number;
  readonly nameUs: number;
  readonly durationUs: number;
}

/** Queries of the index, which may be wrong: files are verified before deletion. */
export interface OldestRecordings {
  readonly isWhole: boolean;
  /** Finished recordings below a folder written by Perch, oldest first. @param after the last of the previous batch */
  oldestOwn(folder: string, limit: number, after?: IndexedRecording): readonly IndexedRecording[];
  /** Like `oldestOwn`, for one path. */
  oldestOwnOf(path: string, limit: number, after?: IndexedRecording): readonly IndexedRecording[];
  bytesOf(path: string): { readonly ownBytes: number };
}

export type Deleting = Pick<Deletions, 'delete' | 'hold' | 'pause' | 'removeEmptyFolders' | 'endSweep'>;

interface FreeSpaceRequest {
  readonly files: number;
  readonly diskBytes: number;
  /** Why less was freed than requested, or undefined if it was not. */
  readonly stuck: string | undefined;
}

/** Deletes the given recordings, oldest first across all cameras, until enough is free. */
export async function freeSpace(
  wantedBytes: number,
  oldest: Iterable<IndexedRecording> | AsyncIterable<IndexedRecording>,
  top: readonly string[],
  deletions: Deleting,
  signal: AbortSignal,
  reason: DeletionReason = 'space',
): Promise<FreeSpaceRequest> {
  let files = 0;
  let diskBytes = 0;
  let keptCount = 0;
  let protectedCount = 0;
  const touched = new Set<string>();
  for await (const { file, path, startUs, nameUs, durationUs } of oldest) {
    if (diskBytes >= wantedBytes || keptCount === MAX_KEPT || signal.aborted || deletions.hold !== undefined) {
      break;
    }
    const doomed = { file, path, startsUs: [startUs, nameUs], durationUs, isDated: true };
    const result = await deletions.delete(doomed, reason);
    if (result.kind === 'deleted') {
      files += 1;
      diskBytes += result.diskBytes;
      touched.add(dirname(file));
      await deletions.pause(signal);
    } else if (result.kind === 'kept') {
      keptCount += 1;
      protectedCount += result.because === 'protected' ? 1 : 0;
    }
  }
  for (const folder of top) {
    await deletions.removeEmptyFolders(folder, touched);
  }
  deletions.endSweep();
  const isEnough = diskBytes >= wantedBytes || signal.aborted;
  return { files, diskBytes, stuck: isEnough ? undefined : (deletions.hold ?? stuckText(protectedCount)) };
}

const stuckText = (protectedCount: number): string =>
  protectedCount > 0
    ? `nothing more can be deleted, ${protectedCount} recordings are protected`
    : 'there is no finished recording of Perch left to delete';

/** The oldest recordings below several folders of a disk, in one order. */
export function* oldestBelow(index: OldestRecordings, folders: readonly string[]): Generator<IndexedRecording> {
  const streams = folders.map((folder) =>
    inBatches<IndexedRecording>((limit, after) => index.oldestOwn(folder, limit, after)),
  );
  const heads = streams.map((stream) => stream.next());
  // Folders may be nested.
  const seen = folders.length > 1 ? new Set<string>() : undefined;
  for (;;) {
    let first = -1;
    for (const [i, head] of heads.entries()) {
      const best = heads[first];
      if (!head.done && (!best || best.done || head.value.startUs < best.value.startUs)) {
        first = i;
      }
    }
    const head = heads[first];
    const stream = streams[first];
    if (!head || head.done || !stream) {
      return;
    }
    if (!seen?.has(head.value.file)) {
      seen?.add(head.value.file);
      yield head.value;
    }
    heads[first] = stream.next();
  }
}

/** Without those of other disks, which can be mounted at a folder below. @param isHere whether a folder is on the disk */
export async function* onThisDisk(
  recordings: Iterable<IndexedRecording>,
  isHere: (folder: string) => Promise<boolean>,
): AsyncGenerator<IndexedRecording> {
  const known = new Map<string, boolean>();
  let skipped = 0;
  for (const recording of recordings) {
    const folder = dirname(recording.file);
    const isOwn = known.get(folder) ?? (await isHere(folder));
    known.set(folder, isOwn);
    if (isOwn) {
      yield recording;
      continue;
    }
    skipped += 1;
    if (skipped === 10 * MAX_KEPT) {
      return;
    }
    if (skipped % SKIPPED_AT_ONCE === 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** Deletes the oldest recordings of paths above their limit. @param limits `recordMaxSize` in bytes */
export async function keepPathLimits(
  limits: Iterable<readonly [path: string, maxBytes: number]>,
  index: OldestRecordings,
  tops: readonly string[],
  deletions: Deleting,
  signal: AbortSignal,
): Promise<void> {
  for (const [path, maxBytes] of limits) {
    const excessBytes = index.bytesOf(path).ownBytes - maxBytes;
    if (excessBytes > 0 && deletions.hold === undefined && !signal.aborted) {
      const ask = (limit: number, after?: IndexedRecording) => index.oldestOwnOf(path, limit, after);
      await freeSpace(excessBytes, inBatches(ask), tops, deletions, signal, 'size');
    }
  }
}

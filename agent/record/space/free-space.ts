import { dirname } from 'node:path';
import type { DeletionReason } from '../retention/deletion-trace.ts';
import type { Deletions } from '../retention/deletions.ts';

/** So many rows of the index are asked for at a time. */
const BATCH_SIZE = 100;
/** What stays (protected, not ours after all) is passed over so far and no further. */
const MAX_ROWS = 20_000;

/** A recording as the index knows it. */
export interface IndexedRecording {
  readonly file: string;
  readonly path: string;
  /** Unix microseconds: as far as it is known, the true one. */
  readonly startUs: number;
  /** As its name says. */
  readonly nameUs: number;
  readonly durationUs: number;
}

/** What is asked of the index of recordings. It may be wrong: the files are asked before anything is deleted. */
export interface OldestRecordings {
  /** False while it is filled anew: what it calls the oldest need not be. */
  readonly isWhole: boolean;
  /** Finished recordings below a folder that Perch wrote itself, the oldest first. @param after the last of the lot before */
  oldestOwn(folder: string, limit: number, after?: IndexedRecording): readonly IndexedRecording[];
  /** The same of one path. */
  oldestOwnOf(path: string, limit: number, after?: IndexedRecording): readonly IndexedRecording[];
  bytesOf(path: string): { readonly ownBytes: number };
}

/** Who deletes, and knows what stays. */
export type Deleting = Pick<Deletions, 'delete' | 'hold' | 'pause' | 'removeEmptyFolders' | 'endSweep'>;

interface FreeSpaceRequest {
  readonly files: number;
  readonly diskBytes: number;
  /** Why it is less than was asked for; undefined: it is not. */
  readonly stuck: string | undefined;
}

/** Deletes the oldest recordings in the order in which they are given, across all cameras, until so much has become free. */
export async function freeSpace(
  wantedBytes: number,
  oldest: Iterable<IndexedRecording>,
  top: readonly string[],
  deletions: Deleting,
  signal: AbortSignal,
  reason: DeletionReason = 'space',
): Promise<FreeSpaceRequest> {
  let files = 0;
  let diskBytes = 0;
  let protectedCount = 0;
  const touched = new Set<string>();
  for (const { file, path, startUs, nameUs, durationUs } of oldest) {
    if (diskBytes >= wantedBytes || signal.aborted || deletions.hold !== undefined) {
      break;
    }
    const doomed = { file, path, startsUs: [startUs, nameUs], durationUs, isDated: true };
    const result = await deletions.delete(doomed, reason);
    if (result.kind === 'deleted') {
      files += 1;
      diskBytes += result.diskBytes;
      touched.add(dirname(file));
      await deletions.pause(signal);
    } else if (result.kind === 'kept' && result.because === 'protected') {
      protectedCount += 1;
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

/** The oldest below several folders of one disk, in one order. */
export function* oldestBelow(index: OldestRecordings, folders: readonly string[]): Generator<IndexedRecording> {
  const streams = folders.map((folder) => lots((after) => index.oldestOwn(folder, BATCH_SIZE, after)));
  const heads = streams.map((stream) => stream.next());
  const seen = new Set<string>();
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
    // One folder may lie in the other.
    if (!seen.has(head.value.file)) {
      seen.add(head.value.file);
      yield head.value;
    }
    heads[first] = stream.next();
  }
}

const oldestOf = (index: OldestRecordings, path: string): Iterable<IndexedRecording> =>
  lots((after) => index.oldestOwnOf(path, BATCH_SIZE, after));

function* lots(
  ask: (after: IndexedRecording | undefined) => readonly IndexedRecording[],
): Generator<IndexedRecording, undefined> {
  let after: IndexedRecording | undefined;
  for (let count = 0; count < MAX_ROWS; ) {
    const lot = ask(after);
    yield* lot;
    after = lot.at(-1);
    count += lot.length;
    if (lot.length < BATCH_SIZE) {
      return;
    }
  }
}

/** Paths that may take only so much. */
interface PathLimits {
  /** Paths with a `recordMaxSize`, and its bytes. */
  limits(): Iterable<readonly [path: string, maxBytes: number]>;
}

/** Deletes the oldest recordings of paths that have more than they may. */
export async function keepPathLimits(
  limits: PathLimits,
  index: OldestRecordings,
  tops: readonly string[],
  deletions: Deleting,
  signal: AbortSignal,
): Promise<void> {
  for (const [path, maxBytes] of limits.limits()) {
    const excessBytes = index.bytesOf(path).ownBytes - maxBytes;
    if (excessBytes > 0 && deletions.hold === undefined && !signal.aborted) {
      await freeSpace(excessBytes, oldestOf(index, path), tops, deletions, signal, 'size');
    }
  }
}

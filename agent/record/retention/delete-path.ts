import { dirname } from 'node:path';
import type { Deletions } from './deletions.ts';

const BATCH_SIZE = 100;
const MAX_NAMED = 100;

/** A row of the index. Times are Unix microseconds. */
interface RecordingOfPath {
  readonly file: string;
  readonly path: string;
  readonly nameUs: number;
  readonly startUs: number;
  readonly durationUs: number;
}

interface PathDeletion {
  readonly files: number;
  readonly diskBytes: number;
  /** Recordings that were kept, at most `MAX_NAMED` of them. */
  readonly kept: readonly { readonly startUs: number; readonly because: string }[];
  readonly keptFiles: number;
}

interface PathDeletionDeps {
  readonly deletions: Deletions;
  /** Recordings of the path after another one, oldest first, at most `limit`. */
  rows(limit: number, after: RecordingOfPath | undefined): readonly RecordingOfPath[];
  readonly isMeant: ((file: string) => boolean) | undefined;
  keptBecause(row: RecordingOfPath): string | undefined;
  /** Folders kept even when empty. */
  readonly tops: readonly string[];
}

const WORDS = {
  written: 'is still being written',
  protected: 'is protected',
  'not ours': 'was not written by Perch',
  undated: 'has no date',
  'no recording': 'has no mark of Perch or MediaMTX',
  awaited: 'waits for the archive',
  refused: 'could not be deleted: see the log',
} as const;

/** Deletes recordings of a path on request, even if the clock is not set. Protected and growing ones are kept. */
export async function deletePath(deps: PathDeletionDeps): Promise<PathDeletion> {
  const { deletions, tops } = deps;
  const kept: { startUs: number; because: string }[] = [];
  const folders = new Set<string>();
  let [files, diskBytes, keptFiles] = [0, 0, 0];
  for (const row of inBatches<RecordingOfPath>((limit, after) => deps.rows(limit, after))) {
    const { file, path, startUs, nameUs, durationUs } = row;
    if (deps.isMeant?.(file) === false) {
      continue;
    }
    const doomed = { file, path, startsUs: [startUs, nameUs], durationUs, isDated: true };
    const deletion = await deletions.delete(doomed, 'hand');
    if (deletion.kind === 'deleted') {
      files += 1;
      diskBytes += deletion.diskBytes;
      folders.add(dirname(file));
    } else if (deletion.kind === 'kept') {
      keptFiles += 1;
      if (kept.length < MAX_NAMED) {
        kept.push({ startUs, because: deps.keptBecause(row) ?? WORDS[deletion.because] });
      }
    }
  }
  for (const folder of folders) {
    const top = tops.find((one) => folder.startsWith(`${one}/`));
    if (top !== undefined) {
      await deletions.removeEmptyFolders(top, [folder]);
    }
  }
  deletions.endSweep();
  return { files, diskBytes, kept, keptFiles };
}

/** The rows of a query, read in batches. @param ask returns the rows after the given one, at most `limit` */
export function* inBatches<Row>(
  ask: (limit: number, after: Row | undefined) => readonly Row[],
): Generator<Row, undefined> {
  let after: Row | undefined;
  for (;;) {
    const batch = ask(BATCH_SIZE, after);
    yield* batch;
    after = batch.at(-1);
    if (batch.length < BATCH_SIZE) {
      return;
    }
  }
}

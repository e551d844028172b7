import { dirname } from 'node:path';
import type { Deletions } from './deletions.ts';

const BATCH_SIZE = 200;
/** So many that stay are named. */
const MAX_NAMED = 100;

/** As the index knows it. Times are Unix microseconds. */
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
  /** The first of them. */
  readonly kept: readonly { readonly startUs: number; readonly because: string }[];
  readonly keptFiles: number;
}

interface PathDeletionDeps {
  readonly deletions: Deletions;
  /** Recordings of the path behind another, the oldest first, at most `limit`. */
  rows(limit: number, after: RecordingOfPath | undefined): readonly RecordingOfPath[];
  /** Which of them; all when it is not given. */
  readonly isMeant: ((file: string) => boolean) | undefined;
  /** Why it is protected; undefined: it is not. */
  keptBecause(row: RecordingOfPath): string | undefined;
  /** Folders that stay though they are empty. */
  readonly tops: readonly string[];
}

const WORDS = {
  written: 'is still being written',
  protected: 'is protected',
  'not ours': 'was not written by Perch',
  undated: 'has no date',
  'no recording': 'is not known as a recording of Perch or MediaMTX',
  refused: 'could not be deleted: see the log',
} as const;

/** Deletes the recordings of one path because somebody wants it, whatever the clock says; what is protected or being written stays. */
export async function deletePath(deps: PathDeletionDeps): Promise<PathDeletion> {
  const { deletions, tops } = deps;
  const kept: { startUs: number; because: string }[] = [];
  const folders = new Set<string>();
  let [files, diskBytes, keptFiles] = [0, 0, 0];
  for (const row of allRows(deps)) {
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

function* allRows({ rows }: PathDeletionDeps): Generator<RecordingOfPath, undefined> {
  let after: RecordingOfPath | undefined;
  for (;;) {
    const lot = rows(BATCH_SIZE, after);
    yield* lot;
    after = lot.at(-1);
    if (lot.length < BATCH_SIZE) {
      return;
    }
  }
}

import { rmdir, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { explain } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { codeOf } from './disk-fault.ts';
import { findRecordings } from './find-recordings.ts';
import { RecordPathPattern } from './record-path.ts';
import type { SegmentLog } from './segment-log.ts';

const LONGEST_PAUSE_MS = 30 * 60_000;
const SHORTEST_PAUSE_MS = 1_000;
/** A pause between deletions keeps an SD card free for what is being recorded. */
const DELETION_PAUSE_MS = 20;

/** What the configuration says of recordings; asked anew in each round. */
export interface RetentionRules {
  /** Every different `recordPath` in use. */
  recordPaths(): readonly string[];
  /** How long the recordings of a path are kept; undefined: for ever, or the path is not configured (any more), or records elsewhere. */
  deleteAfterMs(path: string, recordPath: string): number | undefined;
  /** The smallest of all that are set; undefined: none is. */
  shortestMs(): number | undefined;
}

export interface RetentionDeps {
  readonly clock: Clock;
  readonly log: Pick<SegmentLog, 'removed'>;
  readonly isOpen: (file: string) => boolean;
  /** Since this process began the file, whatever the wall clock has done meanwhile; undefined: it did not. */
  readonly ageMs: (file: string) => number | undefined;
  readonly logger: Logger;
}

/** Deletes recordings whose start is older than their path's limit, and the folders that become empty. Runs until `signal` aborts. */
export async function keepRetention(
  rules: RetentionRules,
  deps: RetentionDeps,
  signal: AbortSignal,
  zone?: string,
): Promise<void> {
  while (!signal.aborted) {
    await deleteExpired(rules, deps, signal, zone);
    if (!signal.aborted) {
      await deps.clock.sleep(pauseMs(rules), signal);
    }
  }
}

export function pauseMs(rules: Pick<RetentionRules, 'shortestMs'>): number {
  const shortestMs = rules.shortestMs();
  return Math.max(SHORTEST_PAUSE_MS, Math.min(LONGEST_PAUSE_MS, shortestMs === undefined ? Infinity : shortestMs / 2));
}

/** One round. A folder that cannot be read is one line in the log and does not keep the others. @returns the files that were deleted */
export async function deleteExpired(
  rules: RetentionRules,
  deps: RetentionDeps,
  signal: AbortSignal,
  zone?: string,
): Promise<string[]> {
  const deleted: string[] = [];
  for (const recordPath of rules.recordPaths()) {
    const pattern = new RecordPathPattern(recordPath, undefined, zone);
    try {
      const { expired, folders } = await findExpired(pattern, recordPath, rules, deps);
      const touched = new Set<string>();
      for (const file of expired) {
        if (signal.aborted) {
          return deleted;
        }
        if (!deps.isOpen(file) && (await remove(file, deps))) {
          deleted.push(file);
          touched.add(dirname(file));
          await deps.clock.sleep(DELETION_PAUSE_MS, signal);
        }
      }
      await removeEmpty(pattern.folder, folders, touched);
    } catch (error) {
      deps.logger.warn({ recordPath, cause: explain(error) }, 'cannot delete old recordings');
    }
  }
  return deleted;
}

async function findExpired(
  pattern: RecordPathPattern,
  recordPath: string,
  rules: RetentionRules,
  deps: RetentionDeps,
): Promise<{ readonly expired: readonly string[]; readonly folders: readonly string[] }> {
  const expired: string[] = [];
  const folders: string[] = [];
  const limits = new Map<string, number | undefined>();
  const nowUs = deps.clock.wallMs() * 1000;
  await findRecordings(pattern, {
    onFolder: (folder) => {
      folders.push(folder);
    },
    onRecording: ({ file, path, startUs }) => {
      if (!limits.has(path)) {
        limits.set(path, rules.deleteAfterMs(path, recordPath));
      }
      const limitMs = limits.get(path);
      const hasExpired = limitMs !== undefined && limitMs > 0 && startUs <= nowUs - limitMs * 1000;
      if (hasExpired && (deps.ageMs(file) ?? limitMs) >= limitMs) {
        expired.push(file);
      }
    },
  });
  return { expired, folders };
}

async function remove(file: string, deps: RetentionDeps): Promise<boolean> {
  try {
    await unlink(file);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') {
      deps.logger.warn({ file, cause: explain(error) }, 'cannot delete an old recording');
      return false;
    }
  }
  deps.log.removed(file);
  return true;
}

/** Only folders that held something that was just deleted, and those above them, but never the common folder itself. */
async function removeEmpty(top: string, folders: readonly string[], touched: Set<string>): Promise<void> {
  for (const folder of [...folders].sort((a, b) => b.length - a.length)) {
    if (folder === top || !touched.has(folder)) {
      continue;
    }
    // A folder that is not empty refuses.
    const isGone = await rmdir(folder).then(
      () => true,
      () => false,
    );
    if (isGone) {
      touched.add(dirname(folder));
    }
  }
}

import { dirname } from 'node:path';
import { type Clock, endsWithin } from '../../base/clock.ts';
import { explain } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { type FoundRecording, findRecordings } from '../file/find-recordings.ts';
import { RecordPathPattern } from '../file/record-path.ts';
import { type HasRecorded, templateOverlap } from '../file/template-overlap.ts';
import type { DeletionCandidate, Deletions } from './deletions.ts';

const MIN_PAUSE_MS = 1_000;

export interface RetentionRules {
  recordPaths(): readonly string[];
  /** False: its disk is missing. */
  isThere(recordPath: string): Promise<boolean>;
  /** Retention of a path there, or undefined if it is unlimited or unknown. */
  deleteAfterMs(path: string, recordPath: string): number | undefined;
  shortestMs(): number | undefined;
  readonly hasRecorded: HasRecorded;
}

interface RetentionDeps {
  readonly clock: Clock;
  readonly deletions: Pick<Deletions, 'delete' | 'ageHold' | 'pause' | 'removeEmptyFolders' | 'endSweep'>;
  /** Monotonic age of files started by this process; undefined for others. */
  readonly ageMs: (file: string) => number | undefined;
  /** Corrected start of a file, Unix microseconds, if known. */
  readonly labelUs?: (file: string) => number | undefined;
  /** The start is certain, even if the name came from an untrusted clock. */
  readonly isDated?: (file: string) => boolean;
  readonly logger: Logger;
}

export async function keepRetention(
  rules: RetentionRules,
  deps: RetentionDeps,
  signal: AbortSignal,
  zone?: string,
): Promise<void> {
  const busy = new Set<string>();
  while (!signal.aborted) {
    await deleteExpired(rules, deps, signal, zone, busy);
    const heldMs = deps.deletions.ageHold === undefined ? undefined : MIN_PAUSE_MS;
    await pause(() => heldMs ?? pauseMs(rules), deps.clock, signal);
  }
}

/** A shorter `recordDeleteAfter` takes effect within a minute. */
async function pause(lengthMs: () => number, clock: Clock, signal: AbortSignal): Promise<void> {
  const beganMs = clock.monoMs();
  let leftMs = lengthMs();
  while (leftMs > 0 && !signal.aborted) {
    // A changed configuration is noticed within a minute.
    await clock.sleep(Math.min(leftMs, 60_000), signal);
    leftMs = lengthMs() - (clock.monoMs() - beganMs);
  }
}

export function pauseMs(rules: Pick<RetentionRules, 'shortestMs'>): number {
  const shortestMs = rules.shortestMs();
  return Math.max(MIN_PAUSE_MS, Math.min(30 * 60_000, shortestMs === undefined ? Infinity : shortestMs / 2));
}

/**
 * One round. An unreadable folder is logged and does not block others, nor does a hanging disk.
 * @param busy folders of an unfinished round, which are skipped
 * @returns deleted files
 */
export async function deleteExpired(
  rules: RetentionRules,
  deps: RetentionDeps,
  signal: AbortSignal,
  zone?: string,
  busy = new Set<string>(),
): Promise<string[]> {
  const deleted: string[] = [];
  const { clock, deletions, logger } = deps;
  for (const recordPath of deletions.ageHold === undefined ? rules.recordPaths() : []) {
    if (busy.has(recordPath)) {
      continue;
    }
    busy.add(recordPath);
    const done = deleteBelow(recordPath, rules, deps, signal, deleted, zone)
      .catch((error: unknown) => logger.warn({ recordPath, cause: explain(error) }, 'cannot delete old recordings'))
      .finally(() => busy.delete(recordPath));
    // A slower folder continues in parallel with the next: its disk may hang.
    await endsWithin(clock, 60_000, done);
  }
  return deleted;
}

async function deleteBelow(
  recordPath: string,
  rules: RetentionRules,
  deps: RetentionDeps,
  signal: AbortSignal,
  deleted: string[],
  zone: string | undefined,
): Promise<void> {
  const { deletions } = deps;
  if (!(await rules.isThere(recordPath))) {
    return;
  }
  const pattern = new RecordPathPattern(recordPath, undefined, zone, 'any');
  const expiredOf = evaluate(recordPath, rules, deps);
  const isOfAnother = templateOverlap(recordPath, rules.recordPaths(), rules.hasRecorded, zone);
  const touched = new Set<string>();
  let expired: DeletionCandidate[] = [];
  const deleteFound = async () => {
    for (const doomed of expired) {
      if (signal.aborted || deletions.ageHold !== undefined) {
        break;
      }
      if ((await deletions.delete(doomed, 'age')).kind === 'deleted') {
        deleted.push(doomed.file);
        touched.add(dirname(doomed.file));
        await deletions.pause(signal);
      }
    }
    expired = [];
  };
  await findRecordings(pattern, {
    // One folder at a time: a disk has many names.
    onFolder: deleteFound,
    onRecording: (recording) => {
      if (!isOfAnother(recording.file, recording)) {
        expired.push(...expiredOf(recording));
      }
    },
  });
  await deleteFound();
  await deletions.removeEmptyFolders(pattern.folder, touched);
  deletions.endSweep();
}

function evaluate(
  recordPath: string,
  rules: RetentionRules,
  { clock, ageMs, labelUs, isDated }: RetentionDeps,
): (recording: FoundRecording) => readonly DeletionCandidate[] {
  const limits = new Map<string, number | undefined>();
  const nowUs = clock.wallMs() * 1000;
  return ({ file, path, startUs: nameUs }) => {
    if (!limits.has(path)) {
      limits.set(path, rules.deleteAfterMs(path, recordPath));
    }
    const limitMs = limits.get(path);
    if (limitMs === undefined || limitMs <= 0 || nameUs > nowUs - limitMs * 1000) {
      return [];
    }
    const knownAgeMs = ageMs(file);
    const startUs = labelUs?.(file) ?? nameUs;
    if (startUs > nowUs - limitMs * 1000 || (knownAgeMs ?? limitMs) < limitMs) {
      return [];
    }
    const isKnown = knownAgeMs !== undefined || startUs !== nameUs || (isDated?.(file) ?? false);
    return [{ file, path, startsUs: [startUs, nameUs], isDated: isKnown }];
  };
}

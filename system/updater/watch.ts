import { type Dirent, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../agent/base/clock.ts';
import type { UpdateReason } from '../update/reasons.ts';
import type { Watched } from './watched.ts';

/** How long a new version has to prove that it works. */
const PATIENCE_MS = 60_000;
const POLL_MS = 1_000;
/** Consecutive good checks of one process: one that restarts again and again is healthy for a moment, too. */
const GOOD_LOOKS = 5;
/** A camera's next part may wait for a key frame. */
const MAX_LOOKS_BEFORE = 15;
const RECORDING = /\.(mp4|ts)$/;

export interface HealthChecks {
  /** Process id of Perch; 0: it does not run. */
  mainPid(): Promise<number>;
  isHealthy(host: string, port: number): Promise<boolean>;
  /** Whether `/health` answers at all. */
  isAnswering(host: string, port: number): Promise<boolean>;
  /** Sizes of the newest recordings in these folders, by name. */
  recordings(folders: readonly string[]): ReadonlyMap<string, number>;
}

interface Fault {
  /** One word, and a text for users. */
  readonly why: UpdateReason;
  readonly text: string;
}

/**
 * The folders in which a recording is growing. Not as the agent reports: a camera that is offline before the update
 * need not return after it.
 */
export async function growing(
  checks: Pick<HealthChecks, 'recordings'>,
  folders: readonly string[],
  clock: Clock,
): Promise<readonly string[]> {
  const atFirst = checks.recordings(folders);
  let grown: readonly string[] = [];
  for (let looks = 0; looks < MAX_LOOKS_BEFORE && grown.length < folders.length; looks += 1) {
    await clock.sleep(POLL_MS, new AbortController().signal);
    grown = grownOf(folders, atFirst, checks.recordings(folders));
  }
  return grown;
}

/** @returns undefined once the new version works */
export async function watchNewVersion(
  checks: HealthChecks,
  watched: Watched,
  clock: Clock,
): Promise<Fault | undefined> {
  const endMs = clock.monoMs() + PATIENCE_MS;
  const never = new AbortController().signal;
  // A camera that cannot be recorded and a full disk are not faults of the new version.
  const isFit = watched.wasIll ? checks.isAnswering : checks.isHealthy;
  let [pid, looks] = [0, 0];
  let atFirst: ReadonlyMap<string, number> | undefined;
  let silent = watched.folders;
  while (clock.monoMs() < endMs) {
    await clock.sleep(POLL_MS, never);
    const before = pid;
    pid = await checks.mainPid();
    const isWell = pid !== 0 && pid === before && (await isFit(watched.host, watched.port));
    looks = isWell ? looks + 1 : 0;
    if (isWell) {
      const recordings = checks.recordings(watched.folders);
      atFirst ??= recordings;
      const grown = grownOf(watched.folders, atFirst, recordings);
      silent = watched.folders.filter((one) => !grown.includes(one));
      if (looks >= GOOD_LOOKS && silent.length === 0) {
        return undefined;
      }
    }
  }
  const within = `within ${PATIENCE_MS / 1_000} s`;
  if (pid === 0) {
    return { why: 'notStarted', text: `the new version did not start ${within}` };
  }
  return looks < GOOD_LOOKS
    ? { why: 'unhealthy', text: `the new version was not healthy ${within}` }
    : { why: 'notRecording', text: `the new version recorded nothing in ${silent.join(', ')} ${within}` };
}

/** Folders with a file that is new or has grown. Ignores modification times: the clock of a box without a battery may be behind. */
function grownOf(
  folders: readonly string[],
  before: ReadonlyMap<string, number>,
  now: ReadonlyMap<string, number>,
): readonly string[] {
  const grown = [...now].flatMap(([file, bytes]) => (bytes > (before.get(file) ?? 0) ? [file] : []));
  return folders.filter((folder) => grown.some((file) => file.startsWith(join(folder, '/'))));
}

/** File sizes, newest names first. Links are not followed; reads at most some thousand entries. */
export function recordingsIn(folders: readonly string[]): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const folder of folders) {
    let left = 5_000;
    const waiting = [folder];
    for (let next = waiting.pop(); next !== undefined && left > 0; next = waiting.pop()) {
      for (const entry of entriesOf(next).slice(0, left)) {
        left -= 1;
        const path = join(next, entry.name);
        if (entry.isDirectory()) {
          waiting.unshift(path);
        } else if (entry.isFile() && RECORDING.test(entry.name)) {
          found.set(path, sizeOf(path));
        }
      }
    }
  }
  return found;
}

/** A disk may fail in between. */
function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    return 0;
  }
}

function entriesOf(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? 1 : -1));
  } catch {
    return [];
  }
}

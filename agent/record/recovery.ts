import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { explain, PerchError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Mp4Fragment, Mp4Init } from '../media/mp4/read.ts';
import { findRecordings } from './find-recordings.ts';
import { FragmentWalk, readInit } from './fragment-walk.ts';
import { RandomAccessTable } from './random-access.ts';
import { RecordPathPattern } from './record-path.ts';

export type RecoveryResult =
  /** Its header gives its length: nothing was done. */
  | { readonly kind: 'finished' }
  /** Cut to its last whole fragment and finished. */
  | { readonly kind: 'recovered'; readonly durationMs: number; readonly lostBytes: number }
  /** Without a header or a single whole fragment: nothing was done. */
  | { readonly kind: 'unreadable'; readonly reason: string };

/** Finishes one file that a power cut, a crash or a full disk has left behind. Never deletes it. */
export async function recoverFile(file: string): Promise<RecoveryResult> {
  const reader = await open(file, 'r');
  let plan: RecoveryPlan | RecoveryResult;
  try {
    plan = await examine(reader);
  } finally {
    await reader.close();
  }
  if ('kind' in plan) {
    return plan;
  }
  const writer = await open(file, 'r+');
  try {
    await writer.truncate(plan.endOffset);
    await writer.write(plan.index, 0, plan.index.length, plan.endOffset);
    // The index is on the disk before the duration says that the file is whole.
    await writer.datasync();
    await writer.write(plan.duration, 0, plan.duration.length, plan.durationOffset);
    await writer.datasync();
  } finally {
    await writer.close();
  }
  return { kind: 'recovered', durationMs: plan.durationMs, lostBytes: plan.lostBytes };
}

interface RecoveryPlan {
  readonly endOffset: number;
  readonly lostBytes: number;
  readonly index: Uint8Array;
  readonly durationMs: number;
  readonly durationOffset: number;
  readonly duration: Uint8Array;
}

async function examine(handle: FileHandle): Promise<RecoveryPlan | RecoveryResult> {
  const { size: fileBytes } = await handle.stat();
  let init: Mp4Init;
  try {
    init = await readInit(handle, fileBytes);
  } catch (error) {
    if (error instanceof PerchError) {
      return { kind: 'unreadable', reason: error.message };
    }
    throw error;
  }
  if (init.durationMs > 0) {
    return { kind: 'finished' };
  }
  const walk = new FragmentWalk(handle, init, fileBytes);
  const chain = new FragmentChain(init);
  let endOffset = init.sizeBytes;
  for (
    let placed = await walk.next();
    placed && chain.add(placed.fragment, placed.offset);
    placed = await walk.next()
  ) {
    endOffset = walk.offset;
  }
  if (endOffset === init.sizeBytes) {
    return { kind: 'unreadable', reason: walk.fault ? walk.fault.message : 'no whole part' };
  }
  const duration = new Uint8Array(init.durationBytes);
  const ticks = Math.max(1, Math.round(chain.endSeconds * init.movieTimescale));
  new DataView(duration.buffer).setUint32(init.durationBytes - 4, Math.min(ticks, 0xffff_fffe));
  return {
    endOffset,
    lostBytes: fileBytes - endOffset,
    index: chain.access.write(),
    durationMs: Math.round(chain.endSeconds * 1000),
    durationOffset: init.durationOffset,
    duration,
  };
}

/** Follows fragments as long as each goes on where the one before ended. */
class FragmentChain {
  readonly access: RandomAccessTable;
  endSeconds = 0;
  readonly #timescales: ReadonlyMap<number, number>;
  readonly #leadId: number;
  readonly #ends = new Map<number, number>();
  #sequence: number | undefined;

  constructor(init: Mp4Init) {
    this.#timescales = new Map(init.tracks.map((track) => [track.id, track.timescale]));
    const lead = init.tracks.find((track) => track.kind === 'video') ?? init.tracks[0];
    this.#leadId = lead?.id ?? 0;
    this.access = new RandomAccessTable(this.#leadId);
  }

  /** @returns false when the fragment cannot belong here: what a disk makes up after a power cut */
  add(fragment: Mp4Fragment, offset: number): boolean {
    if (this.#sequence !== undefined && fragment.sequence !== this.#sequence + 1) {
      return false;
    }
    const goesOn = fragment.runs.every(
      (run) => this.#timescales.get(run.trackId) !== undefined && run.baseTime >= (this.#ends.get(run.trackId) ?? 0),
    );
    if (!goesOn || fragment.runs.length === 0) {
      return false;
    }
    this.#sequence = fragment.sequence;
    fragment.runs.forEach((run, i) => {
      const end = run.baseTime + run.durationTicks;
      this.#ends.set(run.trackId, end);
      this.endSeconds = Math.max(this.endSeconds, end / (this.#timescales.get(run.trackId) || 1));
      if (run.trackId === this.#leadId) {
        this.#index(run, offset, i + 1);
      }
    });
    return true;
  }

  #index(run: Mp4Fragment['runs'][number], offset: number, traf: number): void {
    let time = run.baseTime;
    for (let i = 0; i < run.count; i += 1) {
      if (run.isSync(i)) {
        this.access.add(time + (run.compositionOffsets?.[i] ?? 0), offset, traf, i + 1);
        return;
      }
      time += run.durations[i] ?? 0;
    }
  }
}

export interface RecoveryDeps {
  /** A file that is being written by this process. */
  readonly isOpen: (file: string) => boolean;
  /** A file that is known to be whole, so that it need not be opened; without it every file is looked at. */
  readonly isFinished?: (file: string) => boolean;
  /** Ends the look through many files early: what is left waits for the next start. */
  readonly signal?: AbortSignal;
  readonly logger: Logger;
}

export interface RecoveryReport {
  readonly recovered: readonly string[];
  /** Left alone, with the reason. */
  readonly unreadable: readonly { readonly file: string; readonly reason: string }[];
}

/**
 * Finishes what was left over below the record folders. New recordings may start meanwhile: only files that were there before
 * and that nobody writes are touched.
 */
export async function recoverRecordings(
  recordPaths: readonly string[],
  deps: RecoveryDeps,
  zone?: string,
): Promise<RecoveryReport> {
  const files = new Set<string>();
  for (const template of recordPaths) {
    await findRecordings(new RecordPathPattern(template, undefined, zone), {
      onRecording: ({ file }) => {
        if (!deps.isOpen(file)) {
          files.add(file);
        }
      },
    }).catch((error: unknown) =>
      deps.logger.warn({ recordPath: template, cause: explain(error) }, 'cannot look for recordings'),
    );
  }
  const recovered: string[] = [];
  const unreadable: { file: string; reason: string }[] = [];
  for (const file of files) {
    if (deps.signal?.aborted) {
      break;
    }
    if (deps.isOpen(file) || deps.isFinished?.(file)) {
      continue;
    }
    try {
      const result = await recoverFile(file);
      if (result.kind === 'recovered') {
        recovered.push(file);
        const { durationMs, lostBytes } = result;
        deps.logger.info({ file, durationMs, lostBytes }, 'finished a recording that was cut off');
      } else if (result.kind === 'unreadable') {
        unreadable.push({ file, reason: result.reason });
        deps.logger.warn({ file, reason: result.reason }, 'left a recording alone that cannot be read');
      }
    } catch (error) {
      unreadable.push({ file, reason: explain(error) });
      deps.logger.warn({ file, folder: dirname(file), cause: explain(error) }, 'cannot finish a recording');
    }
  }
  return { recovered, unreadable };
}

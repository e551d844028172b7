import { rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import { type SegmentRow, STATE } from '../../../playback/index/segment-row.ts';
import type { Playback } from '../../../playback/playback.ts';
import { formatRecordPath, RecordPathPattern, recordFormatOf } from '../../../record/file/record-path.ts';
import type { ImportPace } from '../../../recordings/copy/copy-file.ts';
import { type LeftFile, leftOut, whyOf } from '../../../recordings/copy/left-file.ts';
import type { JobReport, TransferJob } from '../../../recordings/copy/transfer-kind.ts';
import { type FileMove, moveFile, settleMove } from './move-file.ts';

const ROWS_AT_ONCE = 200;
/** Pause before the next pass: files that are still written end with the next file. */
const WAIT_MS = 5_000;
const INDEX_MS = 500;

export interface MoveJobDeps {
  readonly clock: Pick<Clock, 'sleep'>;
  /** `recordPath` of a path; for a path that is not configured, the default. */
  readonly templateOf: (path: string) => string;
  readonly playback: Pick<Playback, 'names' | 'space' | 'moves' | 'offlineReason' | 'measure' | 'stateOf'>;
  /** Whether the index knows every recording, and its size. */
  readonly isIndexWhole: () => boolean;
  readonly isOpen: (file: string) => boolean;
  /** Keeps a recording from being deleted. @returns a function that ends this */
  readonly keep: (file: string) => () => void;
  /** Why nothing may be written there; undefined: it may. */
  readonly refusal: (file: string) => string | undefined;
  readonly minFreeBytes: (diskBytes: number) => number;
  /** IANA name of the time zone; undefined: the machine's zone. */
  readonly zone?: string;
}

interface MoveMemory {
  readonly current?: FileMove | undefined;
}

/**
 * Moves recordings to where their paths record now, newest first: if the disk is too small, the oldest stay. The job
 * stores no list of finished files: it moves every recording that is elsewhere.
 */
export class MoveJob implements TransferJob {
  readonly #from: string | undefined;
  readonly #deps: MoveJobDeps;
  readonly #targets = new Map<string, { readonly template: string; readonly pattern: RecordPathPattern }>();
  #current: FileMove | undefined;

  /** @param from only recordings below this folder; undefined: all @param memory of the job that is continued */
  constructor(from: string | undefined, memory: MoveMemory, deps: MoveJobDeps) {
    this.#from = from;
    this.#deps = deps;
    this.#current = memory.current;
    if (memory.current) {
      // Both files may be there: neither is listed twice until that is settled.
      deps.playback.moves.hold([memory.current.from, memory.current.to]);
    }
  }

  get memory(): MoveMemory {
    return this.#current ? { current: this.#current } : {};
  }

  async run(report: JobReport, pace: ImportPace): Promise<void> {
    while (!this.#deps.isIndexWhole()) {
      await this.#deps.clock.sleep(INDEX_MS, pace.signal);
      pace.signal.throwIfAborted();
    }
    if (this.#current) {
      const { from, to } = this.#current;
      await settleMove(this.#current, { ...this.#deps, pace });
      this.#deps.playback.moves.hold([from, to])();
      this.#current = undefined;
    }
    while (await this.#pass(report, pace)) {
      await this.#deps.clock.sleep(WAIT_MS, pace.signal);
      pace.signal.throwIfAborted();
    }
  }

  /** Counts what is to be moved. */
  async sum(): Promise<{ readonly files: number; readonly bytes: number }> {
    const [files, bytes] = await this.#measure(await this.#deps.playback.names());
    return { files, bytes };
  }

  /** @returns whether some files are still written */
  async #pass(report: JobReport, pace: ImportPace): Promise<boolean> {
    this.#targets.clear();
    const names = await this.#deps.playback.names();
    report.left(...(await this.#measure(names, pace.signal)));
    report.forgetLeftOut();
    let isAnyOpen = false;
    for (const row of this.#outside(names)) {
      pace.signal.throwIfAborted();
      if (this.#deps.isOpen(row.file)) {
        isAnyOpen = true;
        continue;
      }
      report.begin(row.file);
      try {
        if (await this.#move(row, report, pace)) {
          report.done(row.sizeBytes);
        }
      } catch (error) {
        report.leftOut(leftFileOf(row.file, error));
      }
    }
    return isAnyOpen;
  }

  async #measure(names: readonly string[], signal?: AbortSignal): Promise<[files: number, bytes: number]> {
    let [files, bytes] = [0, 0];
    for (const row of this.#outside(names)) {
      files += 1;
      bytes += row.sizeBytes;
      if (files % ROWS_AT_ONCE === 0) {
        await new Promise((resolve) => setImmediate(resolve));
        signal?.throwIfAborted();
      }
    }
    return [files, bytes];
  }

  async #move(row: SegmentRow, report: JobReport, pace: ImportPace): Promise<boolean> {
    const { playback, refusal, keep } = this.#deps;
    const { file: from, path, nameUs } = row;
    if (row.state !== STATE.finished) {
      await playback.measure({ path, startUs: row.startUs, endUs: row.startUs + 1 }, false);
    }
    const state = playback.stateOf(from);
    if (state === undefined) {
      return false;
    }
    if (state === STATE.broken) {
      throw leftOut('damaged', 'it cannot be read: /v3/recordings/index says why');
    }
    if (state !== STATE.finished) {
      throw leftOut('unfinished', 'it is not finished');
    }
    const { template } = this.#targetOf(path);
    const to = formatRecordPath(template, path, nameUs / 1000, this.#deps.zone, recordFormatOf(from));
    const away = playback.offlineReason(from)?.message ?? refusal(to);
    if (away !== undefined) {
      throw new PerchError('unavailable', away, { why: 'away' });
    }
    await report.keep({ current: { from, to } } satisfies MoveMemory);
    const release = keep(from);
    try {
      const isMoved = await moveFile({ from, to }, { ...this.#deps, pace, onBytes: (count) => report.bytes(count) });
      await removeEmptyFolders(dirname(from), path.split('/').length);
      return isMoved;
    } finally {
      release();
    }
  }

  /** Recordings of all paths that are to be moved, newest first. */
  *#outside(names: readonly string[]): Generator<SegmentRow> {
    const all = names.map((name) => this.#outsideOf(name));
    const heads = all.map((rows) => rows.next().value);
    for (;;) {
      let newest = -1;
      for (const [i, head] of heads.entries()) {
        if (head && (newest < 0 || head.startUs > (heads[newest]?.startUs ?? 0))) {
          newest = i;
        }
      }
      const row = heads[newest];
      if (!row) {
        return;
      }
      yield row;
      heads[newest] = all[newest]?.next().value;
    }
  }

  *#outsideOf(path: string): Generator<SegmentRow, undefined> {
    const { pattern } = this.#targetOf(path);
    let last: SegmentRow | undefined;
    do {
      const rows: SegmentRow[] = this.#deps.playback.space.newestOf(path, ROWS_AT_ONCE, last);
      for (const row of rows) {
        const isMeant = this.#from === undefined || row.file.startsWith(`${this.#from}/`);
        if (isMeant && pattern.match(row.file) === undefined) {
          yield row;
        }
      }
      last = rows.at(-1);
    } while (last);
  }

  #targetOf(path: string) {
    let target = this.#targets.get(path);
    if (!target) {
      const template = this.#deps.templateOf(path);
      target = { template, pattern: new RecordPathPattern(template, path, this.#deps.zone, 'any') };
      this.#targets.set(path, target);
    }
    return target;
  }
}

/** @throws the error, if it concerns more than this file */
function leftFileOf(file: string, error: unknown): LeftFile {
  if (error instanceof PerchError && error.code === 'badInput') {
    return { file, why: whyOf(error), reason: explain(error) };
  }
  throw error;
}

/** Removes the folders of a camera, as long as they are empty. */
async function removeEmptyFolders(first: string, levels: number): Promise<void> {
  let folder = first;
  for (let level = 0; level < levels; level += 1) {
    const fault = await rmdir(folder).catch((error: unknown) => error);
    if (fault) {
      return;
    }
    folder = dirname(folder);
  }
}

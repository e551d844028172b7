import { rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { type SegmentRow, STATE } from '../../../playback/index/segment-row.ts';
import type { Playback } from '../../../playback/playback.ts';
import { RecordPathPattern, recordFormatOf } from '../../../record/file/record-path.ts';
import type { ImportPace } from '../../../recordings/copy/copy-file.ts';
import { leftOut } from '../../../recordings/copy/left-file.ts';
import { newestFirst } from '../../../recordings/copy/newest-first.ts';
import { openFile } from '../../../recordings/copy/open-file.ts';
import type { Moves, RecordingList, SourceRecording, Sum, Target } from '../../../recordings/copy/recording-list.ts';

const ROWS_AT_ONCE = 200;
/** Pause before the next pass: files that are still written end with the next file. */
const WAIT_MS = 5_000;
const INDEX_MS = 500;

export interface MoveListDeps {
  readonly clock: Pick<Clock, 'sleep'>;
  /** `recordPath` of a path; for a path that is not configured, the default. */
  readonly templateOf: (path: string) => string;
  readonly playback: Pick<Playback, 'names' | 'space' | 'moves' | 'offlineReason' | 'measure' | 'stateOf'>;
  /** Whether the index knows every recording, and its size. */
  readonly isIndexWhole: () => boolean;
  readonly isOpen: (file: string) => boolean;
  /** Keeps a recording from being deleted. @returns a function that ends this */
  readonly keep: (file: string) => () => void;
  /** IANA name of the time zone, or undefined for the machine's zone. */
  readonly zone?: string;
}

/**
 * The recordings that are not where their paths record now, newest first: if the disk is too small, the oldest stay.
 */
export class MoveList implements RecordingList {
  readonly moves: Moves;
  readonly #from: string | undefined;
  readonly #deps: MoveListDeps;
  readonly #targets = new Map<string, { readonly template: string; readonly pattern: RecordPathPattern }>();
  /** Whether some files are still written. */
  #isAnyOpen = false;

  /** @param from only recordings below this folder, or undefined for all */
  constructor(from: string | undefined, deps: MoveListDeps) {
    this.#from = from;
    this.#deps = deps;
    const { moves } = deps.playback;
    this.moves = {
      hold: (names) => moves.hold(names),
      moved: (...move) => moves.moved(...move),
      keep: (file) => deps.keep(file),
    };
  }

  async begin({ signal }: ImportPace): Promise<void> {
    while (!this.#deps.isIndexWhole()) {
      await this.#deps.clock.sleep(INDEX_MS, signal);
      signal.throwIfAborted();
    }
  }

  async sum({ signal }: Pick<ImportPace, 'signal'>): Promise<Sum> {
    this.#targets.clear();
    let [files, bytes] = [0, 0];
    for await (const { sizeBytes } of await this.#outside(signal)) {
      files += 1;
      bytes += sizeBytes;
    }
    return { files, bytes };
  }

  async *recordings(signal: AbortSignal): AsyncGenerator<SourceRecording> {
    this.#isAnyOpen = false;
    for await (const row of await this.#outside(signal)) {
      if (this.#deps.isOpen(row.file)) {
        this.#isAnyOpen = true;
      } else {
        yield this.#recordingOf(row);
      }
    }
  }

  async again(_: number, signal: AbortSignal): Promise<boolean> {
    if (this.#isAnyOpen) {
      await this.#deps.clock.sleep(WAIT_MS, signal);
    }
    return this.#isAnyOpen;
  }

  #recordingOf(row: SegmentRow): SourceRecording {
    const { file, path, sizeBytes } = row;
    return {
      ...{ name: file, path, sizeBytes, file },
      check: () => this.#check(row),
      open: () => openFile(file),
      ended: () => removeEmptyFolders(dirname(file), path.split('/').length),
    };
  }

  async #check({ file, path, nameUs, startUs, ...row }: SegmentRow): Promise<Target | 'gone'> {
    const { playback } = this.#deps;
    if (row.state !== STATE.finished) {
      await playback.measure({ path, startUs, endUs: startUs + 1 }, false);
    }
    const state = playback.stateOf(file);
    if (state === undefined) {
      return 'gone';
    }
    if (state === STATE.broken) {
      throw leftOut('damaged', 'it cannot be read: /v3/recordings/index says why');
    }
    if (state !== STATE.finished) {
      throw leftOut('unfinished', 'it is not finished');
    }
    const away = playback.offlineReason(file)?.message;
    if (away !== undefined) {
      throw new PerchError('unavailable', away, { why: 'away' });
    }
    return { recordPath: this.#targetOf(path).template, nameUs, format: recordFormatOf(file) };
  }

  async #outside(signal: AbortSignal): Promise<AsyncGenerator<SegmentRow, undefined>> {
    const names = await this.#deps.playback.names();
    return newestFirst(names.map((name) => this.#outsideOf(name, signal)));
  }

  async *#outsideOf(path: string, signal: AbortSignal): AsyncGenerator<SegmentRow, undefined> {
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
      await new Promise((resolve) => setImmediate(resolve));
      signal.throwIfAborted();
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

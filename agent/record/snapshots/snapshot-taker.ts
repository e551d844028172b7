import { type Clock, endsWithin } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { CameraEvent, EventFeed } from '../events/event.ts';
import { codeOf } from '../file/disk-fault.ts';
import type { FinishedSegment, Segment, SegmentLog } from '../file/segment-log.ts';
import { HANGING_MS } from '../write/flush.ts';
import { saveSnapshot } from './snapshot-files.ts';

/** Interval of snapshots during recording. */
const EVERY_MS = 600_000;
const POLL_MS = 30_000;
/** Pause after a failure. One that a person has to fix (a wrong password, which cameras count) waits for the full interval. */
const FAILURE_PAUSE_MS = 60_000;

export interface SnapshotSource {
  fetch(signal: AbortSignal): Promise<Uint8Array>;
}

interface SnapshotTakerDeps {
  readonly events: EventFeed;
  readonly sourceOf: (path: string) => SnapshotSource | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface PathState {
  recording: string | undefined;
  isBusy: boolean;
  /** Monotonic milliseconds. */
  notBeforeMs: number;
  dueMs: number;
  waiting: { readonly jpeg: Uint8Array; readonly timeMs: number; readonly untilMs: number } | undefined;
  logged: string | undefined;
}

/** Takes a snapshot for every new event, and every ten minutes of recording. A failure costs only the snapshot. */
export class SnapshotTaker {
  readonly #deps: SnapshotTakerDeps;
  readonly #paths = new Map<string, PathState>();
  readonly #taking = new Set<Promise<void>>();
  readonly #end = new AbortController();
  readonly #stop: (() => void)[];

  constructor(deps: SnapshotTakerDeps) {
    this.#deps = deps;
    this.#stop = [
      deps.events.listen((event, known) => known || this.#onNewEvent(event)),
      deps.clock.every(POLL_MS, () => this.#takeDue()),
    ];
  }

  following(log: SegmentLog): SegmentLog {
    return {
      opened: (segment) => {
        log.opened(segment);
        this.#onOpened(segment);
      },
      finished: (segment) => {
        log.finished(segment);
        this.#onFinished(segment);
      },
      removed: (file) => log.removed(file),
    };
  }

  #onOpened({ path, file }: Segment): void {
    const state = this.#stateOf(path);
    const { waiting } = state;
    state.recording = file;
    state.waiting = undefined;
    if (waiting && this.#nowMs < waiting.untilMs) {
      this.#run(this.#keep(path, file, waiting.jpeg, waiting.timeMs));
    }
    if (this.#nowMs >= state.dueMs) {
      this.#take(path, state);
    }
  }

  #onFinished({ path, file }: FinishedSegment): void {
    const state = this.#paths.get(path);
    if (state?.recording === file) {
      state.recording = undefined;
      // Publishers may use any path name: only paths of cameras with snapshots are remembered.
      if (!this.#deps.sourceOf(path)) {
        this.#paths.delete(path);
      }
    }
  }

  async close(): Promise<void> {
    for (const stop of this.#stop) {
      stop();
    }
    this.#end.abort();
    // A hanging disk must not delay the program's end.
    await endsWithin(this.#deps.clock, HANGING_MS, Promise.all(this.#taking));
  }

  get #nowMs(): number {
    return this.#deps.clock.monoMs();
  }

  #stateOf(path: string): PathState {
    let state = this.#paths.get(path);
    if (!state) {
      state = { recording: undefined, isBusy: false, notBeforeMs: 0, dueMs: 0, waiting: undefined, logged: undefined };
      this.#paths.set(path, state);
    }
    return state;
  }

  #onNewEvent({ path, source }: CameraEvent): void {
    if (source !== 'perch' && this.#deps.sourceOf(path)) {
      this.#take(path, this.#stateOf(path));
    }
  }

  #takeDue(): void {
    for (const [path, state] of this.#paths) {
      if (state.recording !== undefined && this.#nowMs >= state.dueMs) {
        this.#take(path, state);
      }
    }
  }

  #take(path: string, state: PathState): void {
    const source = this.#deps.sourceOf(path);
    if (!source || state.isBusy || this.#nowMs < state.notBeforeMs || this.#end.signal.aborted) {
      return;
    }
    state.isBusy = true;
    // Events closer together share a snapshot.
    state.notBeforeMs = this.#nowMs + 2_000;
    state.dueMs = this.#nowMs + EVERY_MS;
    this.#run(this.#fetch(path, state, source));
  }

  async #fetch(path: string, state: PathState, source: SnapshotSource): Promise<void> {
    const { clock } = this.#deps;
    const askedMs = clock.wallMs();
    try {
      const jpeg = await source.fetch(this.#end.signal);
      // Captured between request and response.
      const timeMs = (askedMs + clock.wallMs()) / 2;
      if (state.recording === undefined) {
        // A clip's file appears after its event.
        state.waiting = { jpeg, timeMs, untilMs: this.#nowMs + 15_000 };
      } else {
        await this.#keep(path, state.recording, jpeg, timeMs);
      }
    } catch (error) {
      this.#onFailure(path, state, error, 'no snapshot from the camera');
    } finally {
      state.isBusy = false;
    }
  }

  async #keep(path: string, recording: string, jpeg: Uint8Array, timeMs: number): Promise<void> {
    const state = this.#stateOf(path);
    try {
      await saveSnapshot(recording, jpeg, timeMs);
      if (state.logged !== undefined) {
        state.logged = undefined;
        this.#deps.logger.info({ path }, 'snapshots resumed');
      }
    } catch (error) {
      this.#onFailure(path, state, error, 'cannot write a snapshot');
    }
  }

  #onFailure(path: string, state: PathState, error: unknown, words: string): void {
    const { logger } = this.#deps;
    if (this.#end.signal.aborted) {
      return;
    }
    const code = error instanceof PerchError ? error.code : undefined;
    const isLasting = code === 'unauthorized' || code === 'unsupported';
    state.notBeforeMs = this.#nowMs + (isLasting ? EVERY_MS : FAILURE_PAUSE_MS);
    // By code: a camera's message may vary.
    const kind = code ?? (codeOf(error) || String(error));
    if (state.logged !== kind) {
      state.logged = kind;
      // Many cameras have none, which needs no action.
      const level = code === 'unsupported' ? 'debug' : 'warn';
      logger[level]({ path, cause: explain(error) }, words);
    }
  }

  #run(work: Promise<void>): void {
    const done = work.finally(() => this.#taking.delete(done));
    this.#taking.add(done);
  }
}

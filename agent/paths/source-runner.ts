import type { Clock } from '../base/clock.ts';
import { explain, PerchError, releaseFrames } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Track } from '../media/sample/track.ts';
import { pauseAfter, type SourceState, supervise, waitOf } from '../sources/supervisor.ts';
import type { Loudspeaker, Source, SourceStatistics } from '../stream/contracts.ts';
import type { Stream } from '../stream/stream.ts';

/** Makes the source of a path. */
export interface SourceMaker {
  /** @param query of the reader that the source is started for */
  make(query: string): Source;
  /** The source depends on the query (`$MTX_QUERY`) and is made again for another one. */
  readonly usesQuery: boolean;
  /** False if the failure was reported for another stream of the camera. */
  isNews(reason: string): boolean;
  /** Called when the reported failure is over. */
  forget(): void;
}

/** The path that the source is for. */
export interface RunnerOwner {
  sourceOpened(tracks: readonly Track[]): Stream;
  /** The connection has ended. */
  sourceClosed(): void;
  /** Called once per reason. */
  sourceFailed(reason: string): void;
  /** The box of the source is known to be away, or refuses the camera: another attempt within seconds is of no use. */
  sourceAway(cause: PerchError): void;
  /** The connection is closed after `stop`. */
  sourceStopped(): void;
}

/** Keeps a source running from `start` to `stop`, and keeps the last failure. */
export class SourceRunner {
  readonly #maker: SourceMaker;
  readonly #owner: RunnerOwner;
  readonly #clock: Clock;
  readonly #log: Logger;
  #source: Source;
  #query = '';
  #stop: AbortController | undefined;
  /** Runs never overlap: some cameras allow one session only. */
  #running: Promise<void>;
  #runs = 0;
  #state: SourceState['kind'] = 'stopped';
  #cause: unknown;
  readonly #failures: { count: number; last?: { readonly text: string; readonly time: string } | undefined } = {
    count: 0,
  };
  /** Failures in the log since the stream was open, and the last one before: a camera that is lost every minute for the same reason is one line. */
  readonly #logged = new Set<string>();
  /** Failures reported to the owner since the stream was open. */
  readonly #reported = new Set<string>();
  /** Rejected logins in a row: cameras lock accounts after a few. */
  #refusals = 0;
  /** Monotonic; no connection before this time. */
  #notBeforeMs = 0;

  /** @param former the first run starts after it */
  constructor(maker: SourceMaker, owner: RunnerOwner, clock: Clock, log: Logger, former = Promise.resolve()) {
    this.#maker = maker;
    this.#owner = owner;
    this.#clock = clock;
    this.#log = log;
    this.#source = maker.make('');
    this.#running = former;
  }

  get type(): string {
    return this.#source.type;
  }

  get state(): SourceState['kind'] {
    return this.#state;
  }

  /** Whether no run is active. */
  get isStopped(): boolean {
    return this.#runs === 0;
  }

  /** How often a run has ended by a failure. */
  get faults(): number {
    return this.#failures.count;
  }

  /** The last failure; undefined while the stream is open. */
  get cause(): unknown {
    return this.#cause;
  }

  get lastError(): string | null {
    return this.#failures.last?.text ?? null;
  }

  /** A code for programs, if the error has one. */
  get lastErrorWhy(): string | null {
    const why = this.#cause instanceof PerchError ? this.#cause.context['absence'] : undefined;
    return this.#failures.last && typeof why === 'string' ? why : null;
  }

  get lastErrorTime(): string | null {
    return this.#failures.last?.time ?? null;
  }

  get statistics(): SourceStatistics | undefined {
    return this.#source.statistics;
  }

  /** Time spent waiting for login turns. */
  get heldMs(): number {
    return this.#source.heldMs ?? 0;
  }

  get loudspeaker(): Loudspeaker | undefined {
    return this.#source.loudspeaker;
  }

  start(query: string): void {
    if (this.#maker.usesQuery && query !== this.#query) {
      this.#query = query;
      this.#source = this.#maker.make(query);
      this.#notBeforeMs = 0;
    }
    const stop = new AbortController();
    const source = this.#source;
    this.#stop = stop;
    this.#cause = this.#pauseLeftMs > 0 ? this.#cause : undefined;
    this.#runs += 1;
    this.#running = this.#running.then(() => this.#run(source, stop.signal));
  }

  /** Resolves when the connection is closed. */
  stop(): Promise<void> {
    this.#stop?.abort();
    this.#stop = undefined;
    this.#maker.forget();
    return this.#running;
  }

  get #pauseLeftMs(): number {
    return this.#notBeforeMs - this.#clock.monoMs();
  }

  async #run(source: Source, signal: AbortSignal): Promise<void> {
    const run = (runSignal: AbortSignal) => this.#runOnce(source, runSignal);
    const onState = ({ kind }: SourceState) => {
      this.#state = kind;
    };
    const answers = source.answers?.bind(source);
    const options = answers ? { answers } : {};
    await supervise(run, onState, this.#clock, signal, options);
    this.#runs -= 1;
    if (this.#runs === 0) {
      this.#owner.sourceStopped();
    }
  }

  async #runOnce(source: Source, signal: AbortSignal): Promise<void> {
    const open = (tracks: readonly Track[]): Stream => {
      if (signal.aborted) {
        throw new PerchError('unavailable', 'the source was stopped');
      }
      this.#refusals = 0;
      this.#reported.clear();
      if (this.#failures.last) {
        this.#logged.clear();
        this.#logged.add(this.#failures.last.text);
      }
      this.#failures.last = undefined;
      this.#cause = undefined;
      this.#maker.forget();
      return this.#owner.sourceOpened(tracks);
    };
    try {
      if (this.#pauseLeftMs > 0) {
        await this.#clock.sleep(this.#pauseLeftMs, signal);
      }
      if (signal.aborted) {
        return;
      }
      await source.run({ publish: open }, signal);
      if (!signal.aborted) {
        throw new PerchError('unavailable', 'the source ended the stream');
      }
    } catch (cause) {
      // Noted before `sourceClosed`, which may stop a source on demand.
      if (!signal.aborted) {
        this.#note(cause);
      }
      throw cause;
    } finally {
      this.#owner.sourceClosed();
    }
  }

  #note(cause: unknown): void {
    this.#failures.count += 1;
    if (cause instanceof PerchError && cause.code === 'unauthorized') {
      this.#refusals += 1;
      // The supervisor's shortest pause after this many rejected logins. Kept here because it also applies after a restart of the source.
      this.#notBeforeMs = this.#clock.monoMs() + (waitOf(cause) ?? pauseAfter(this.#refusals, 1, true));
    }
    const text = explain(cause);
    // Failures of a camera that is off for a week may alternate.
    if (isNew(this.#logged, text)) {
      const level = this.#maker.isNews(text) ? 'warn' : 'debug';
      this.#log[level]({ reason: text }, 'no picture from the camera, retrying');
    }
    if (isNew(this.#reported, text)) {
      this.#owner.sourceFailed(text);
    }
    releaseFrames(cause);
    this.#cause = cause;
    this.#failures.last = { text, time: new Date(this.#clock.wallMs()).toISOString() };
    if (cause instanceof PerchError && cause.context['why'] === 'away') {
      this.#owner.sourceAway(cause);
    }
  }
}

/** Whether the text is new. At most 16 are: a text may contain a number that changes with each attempt. */
function isNew(known: Set<string>, text: string): boolean {
  const before = known.size;
  return before < 16 && known.add(text).size > before;
}

import type { Clock } from '../base/clock.ts';
import { explain, PerchError, releaseFrames } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Track } from '../media/sample/track.ts';
import { pauseAfter, type SourceState, supervise, waitOf } from '../sources/supervisor.ts';
import type { Loudspeaker, Source, SourceStatistics } from '../stream/contracts.ts';
import type { Stream } from '../stream/stream.ts';

/** How a path gets at its source. */
export interface SourceMaker {
  /** @param query of the reader that the source is started for */
  make(query: string): Source;
  /** Whether the query says something about the source (`$MTX_QUERY`): then it is made anew for another query. */
  readonly usesQuery: boolean;
  /** Whether nobody has been told already why the source does not come. */
  isNews(reason: string): boolean;
  /** What was told is over. */
  forget(): void;
}

/** The path that the source is for. */
export interface RunnerOwner {
  sourceOpened(tracks: readonly Track[]): Stream;
  /** The connection is over. */
  sourceClosed(): void;
  /** It could not be had, or has gone; told once per reason. */
  sourceFailed(reason: string): void;
  /** It was told to stop and has let go of the camera. */
  sourceStopped(): void;
}

/** Keeps a source running from `start` to `stop`, and remembers why it is not there. */
export class SourceRunner {
  readonly #maker: SourceMaker;
  readonly #owner: RunnerOwner;
  readonly #clock: Clock;
  readonly #log: Logger;
  #source: Source;
  #query = '';
  #stop: AbortController | undefined;
  /** Runs follow each other: some cameras allow one session only. */
  #running: Promise<void>;
  #runs = 0;
  #state: SourceState['kind'] = 'stopped';
  #cause: unknown;
  #lastError: string | null = null;
  #lastErrorTime: string | null = null;
  /** Since the camera was last there. */
  #toldReason: string | undefined;
  /** Passwords that were refused in a row: cameras lock out whoever comes with one again and again. */
  #refusals = 0;
  /** Monotonic: nobody asks the camera before. */
  #notBeforeMs = 0;

  /** @param former its first run follows this */
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

  /** Nothing of it is left running. */
  get isStopped(): boolean {
    return this.#runs === 0;
  }

  /** Why the source did not come since `start`; undefined while nothing has failed. */
  get cause(): unknown {
    return this.#cause;
  }

  get lastError(): string | null {
    return this.#lastError;
  }

  /** In one word, where the source has one for it. */
  get lastErrorWhy(): string | null {
    const why = this.#cause instanceof PerchError ? this.#cause.context['absence'] : undefined;
    return this.#lastError !== null && typeof why === 'string' ? why : null;
  }

  get lastErrorTime(): string | null {
    return this.#lastErrorTime;
  }

  get statistics(): SourceStatistics | undefined {
    return this.#source.statistics;
  }

  /** How long the source has waited for the answer to another one's login. */
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

  /** Resolves when the source has let go of the camera. */
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
        throw new PerchError('unavailable', 'the source is not wanted any more');
      }
      this.#refusals = 0;
      this.#toldReason = undefined;
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
      // Before the path hears of it: it may stop a source on demand for this, which would be no failure.
      if (!signal.aborted) {
        this.#note(cause);
      }
      throw cause;
    } finally {
      this.#owner.sourceClosed();
    }
  }

  #note(cause: unknown): void {
    if (cause instanceof PerchError && cause.code === 'unauthorized') {
      this.#refusals += 1;
      // The shortest that the supervisor waits after so many: it keeps to it by itself, unless it is started anew.
      this.#notBeforeMs = this.#clock.monoMs() + (waitOf(cause) ?? pauseAfter(this.#refusals, 1, true));
    }
    const text = explain(cause);
    // Once per change: a camera that is off for a week is one line.
    if (text !== this.#lastError) {
      const level = this.#maker.isNews(text) ? 'warn' : 'debug';
      this.#log[level]({ reason: text }, 'no picture from the camera, trying again');
    }
    if (text !== this.#toldReason) {
      this.#toldReason = text;
      this.#owner.sourceFailed(text);
    }
    releaseFrames(cause);
    this.#cause = cause;
    this.#lastError = text;
    this.#lastErrorTime = new Date(this.#clock.wallMs()).toISOString();
  }
}

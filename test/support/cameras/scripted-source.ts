import type { Track } from '../../../agent/media/sample/track.ts';
import type { Source, StreamSink } from '../../../agent/stream/contracts.ts';
import type { Stream } from '../../../agent/stream/stream.ts';

/** A source that follows the test. */
export class ScriptedSource implements Source {
  readonly type = 'scripted';
  /** How long it waits for another source's login. */
  heldMs = 0;
  runs = 0;
  isRunning = false;
  /** After `stop` it runs until `letGo`. */
  isSlowToEnd = false;
  /** Every connection ends at once with this. */
  refusal: Error | undefined;
  #sink: StreamSink | undefined;
  #ended = Promise.withResolvers<void>();

  async run(sink: StreamSink, signal: AbortSignal): Promise<void> {
    this.runs += 1;
    if (this.refusal) {
      throw this.refusal;
    }
    this.isRunning = true;
    this.#sink = sink;
    this.#ended = Promise.withResolvers();
    const { promise, resolve } = this.#ended;
    signal.addEventListener('abort', () => (this.isSlowToEnd ? undefined : resolve()), { once: true });
    await promise.finally(() => {
      this.isRunning = false;
    });
  }

  /** The camera sends. */
  deliver(tracks: readonly Track[]): Stream {
    if (!this.#sink) {
      throw new Error('the source was not started');
    }
    return this.#sink.publish(tracks);
  }

  fail(cause: Error): void {
    this.#ended.reject(cause);
  }

  letGo(): void {
    this.#ended.resolve();
  }
}

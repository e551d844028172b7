import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import { isTemporary } from './sending/fault.ts';

const FIRST_PAUSE_MS = 5_000;
const MAX_PAUSE_MS = 5 * 60_000;

interface QueuedMessage {
  readonly sinceMs: number;
  send(signal: AbortSignal): Promise<void>;
}

interface OutboxDeps {
  readonly id: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Messages of a channel, one after the other, with further attempts after temporary faults. They are kept in memory. */
export class Outbox {
  readonly #deps: OutboxDeps;
  readonly #waiting: QueuedMessage[] = [];
  readonly #end = new AbortController();
  #work: Promise<void> | undefined;
  #problem: string | undefined;
  /** Ends the present pause, if there is one. */
  #wake: AbortController | undefined;
  /** Whether `wake` was called since the present attempt began. */
  #isWoken = false;

  constructor(deps: OutboxDeps) {
    this.#deps = deps;
  }

  /** Why the last message was not sent. */
  get problem(): string | undefined {
    return this.#problem;
  }

  get count(): number {
    return this.#waiting.length;
  }

  /** @param send makes one attempt @throws PerchError */
  add(send: QueuedMessage['send']): void {
    if (this.#waiting.length >= 20) {
      this.#waiting.shift();
      this.#deps.log.warn({ channel: this.#deps.id }, 'oldest notification dropped: too many are waiting');
    }
    this.#waiting.push({ sinceMs: this.#deps.clock.monoMs(), send });
    this.#work ??= this.#run().finally(() => {
      this.#work = undefined;
    });
  }

  /** Called when the settings have changed: makes the next attempt at once. */
  wake(): void {
    this.#problem = undefined;
    this.#isWoken = true;
    this.#wake?.abort();
  }

  /** Drops waiting messages, and aborts the one that is being sent. */
  async close(): Promise<void> {
    this.#waiting.length = 0;
    this.#end.abort();
    this.#wake?.abort();
    await this.#work;
  }

  async #run(): Promise<void> {
    const { clock } = this.#deps;
    let pauseMs = FIRST_PAUSE_MS;
    for (let next = this.#waiting[0]; next && !this.#end.signal.aborted; next = this.#waiting[0]) {
      // Messages that have waited longer are dropped.
      if (clock.monoMs() - next.sinceMs > 30 * 60_000) {
        this.#remove(next);
        continue;
      }
      this.#isWoken = false;
      const fault = await next.send(this.#end.signal).then(
        () => undefined,
        (error: unknown) => error ?? new Error('failed'),
      );
      if (this.#end.signal.aborted) {
        return;
      }
      this.#note(fault);
      if (fault === undefined || !isTemporary(fault)) {
        this.#remove(next);
        pauseMs = FIRST_PAUSE_MS;
      } else if (this.#isWoken) {
        // The attempt used the former settings.
        pauseMs = FIRST_PAUSE_MS;
      } else {
        await this.#pause(Math.min(MAX_PAUSE_MS, Math.max(pauseMs, waitOf(fault))));
        pauseMs = Math.min(MAX_PAUSE_MS, pauseMs * 2);
      }
    }
  }

  /** Removes a message unless it was dropped meanwhile. */
  #remove(one: QueuedMessage): void {
    const at = this.#waiting.indexOf(one);
    if (at >= 0) {
      this.#waiting.splice(at, 1);
    }
  }

  async #pause(ms: number): Promise<void> {
    const wake = new AbortController();
    this.#wake = wake;
    await this.#deps.clock.sleep(ms, wake.signal);
    this.#wake = undefined;
  }

  /** Logs each fault once, until a message gets through. */
  #note(fault: unknown): void {
    const problem = fault === undefined ? undefined : explain(fault);
    if (problem !== undefined && problem !== this.#problem) {
      this.#deps.log.warn({ channel: this.#deps.id, cause: problem }, 'notification not sent');
    }
    this.#problem = problem;
  }
}

/** Time of the `Retry-After` header, in milliseconds; 0: none. */
function waitOf(fault: unknown): number {
  const seconds = fault instanceof PerchError ? fault.context['retryAfterS'] : undefined;
  return typeof seconds === 'number' ? seconds * 1000 : 0;
}

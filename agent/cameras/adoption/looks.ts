import { randomUUID } from 'node:crypto';
import { PerchError } from '../../base/errors.ts';
import { joinSignals } from '../../base/joined-signal.ts';
import type { Logger } from '../../base/log.ts';
import type { AtAddress } from './by-address.ts';
import { type Failure, failureOf } from './failure-words.ts';
import type { Progress } from './try-patterns.ts';

const MAX_RUNNING = 4;
const MAX_KEPT = 32;
/** All addresses of all makers at one a second, with time for each. */
const DEADLINE_MS = 5 * 60_000;

/** Somebody wants to know what is at an address, or at the addresses of a range. */
export interface Look {
  readonly id: string;
  readonly target: string;
  readonly state: 'running' | 'done' | 'failed';
  /** What is tried now, or was last. */
  readonly what: string;
  readonly done: number;
  readonly total: number;
  /** At the one address. What a range has is with what was found. */
  readonly at: AtAddress | undefined;
  readonly failure: Failure | undefined;
}

export type LookWork = (
  signal: AbortSignal,
  onProgress: (progress: Progress) => void,
) => Promise<AtAddress | undefined>;

interface Running {
  look: Look;
  readonly stop: AbortController;
}

/** Looks that go on while others ask how far they are. The oldest ones are forgotten. */
export class Looks {
  readonly #log: Logger;
  readonly #signal: AbortSignal;
  readonly #tell: (look: Look) => void;
  readonly #all = new Map<string, Running>();

  /** @param tell at each step */
  constructor(log: Logger, signal: AbortSignal, tell: (look: Look) => void) {
    this.#log = log;
    this.#signal = signal;
    this.#tell = tell;
  }

  /** @throws PerchError exhausted when too many go on */
  start(target: string, work: LookWork): Look {
    const running = [...this.#all.values()].filter(({ look }) => look.state === 'running').length;
    if (running >= MAX_RUNNING) {
      const words = `${running} addresses are being looked at, the limit is ${MAX_RUNNING}: wait for one of them`;
      throw new PerchError('exhausted', words, { retryAfterS: 5 });
    }
    const look: Look = {
      ...{ id: randomUUID(), target, state: 'running', what: '', done: 0, total: 0 },
      ...{ at: undefined, failure: undefined },
    };
    const entry = { look, stop: new AbortController() };
    this.#all.set(look.id, entry);
    this.#forget();
    void this.#run(entry, work);
    return look;
  }

  get(id: string): Look | undefined {
    return this.#all.get(id)?.look;
  }

  /** @returns whether there is one of this id */
  end(id: string): boolean {
    const entry = this.#all.get(id);
    entry?.stop.abort();
    return entry !== undefined;
  }

  async #run(entry: Running, work: LookWork): Promise<void> {
    const change = (news: Partial<Look>): void => {
      entry.look = { ...entry.look, ...news };
      this.#tell(entry.look);
    };
    const joined = joinSignals([entry.stop.signal, this.#signal], DEADLINE_MS);
    try {
      const at = await work(joined.signal, ({ what, done, total }) => change({ what, done, total }));
      change({ state: 'done', at, done: entry.look.total });
    } catch (error) {
      change({ state: 'failed', failure: failureOf(error, this.#log) });
    } finally {
      joined.release();
    }
  }

  #forget(): void {
    for (const [id, { look }] of this.#all) {
      if (this.#all.size > MAX_KEPT && look.state !== 'running') {
        this.#all.delete(id);
      }
    }
  }
}

import { type Clock, endsWithin } from '../clock.ts';
import { documentCarrier } from './document-carrier.ts';

/** An answer of the database is awaited so long. */
const PATIENCE_MS = 3_000;
/** A server that did not act last leaves those that did so much time. */
const SECOND_MS = 1_000;
const ASKED_AT_ONCE = 500;

interface ClaimsOptions {
  readonly dataDir: string;
  readonly clock: Clock;
  /** How long a claim lasts. */
  readonly lastsMs: number;
}

interface Waiting {
  readonly name: string;
  readonly decide: (isOwn: boolean) => void;
}

/**
 * Decides which server acts on what all servers with one database hear of. It is the one that acted last, if it asks within a second of the
 * others: what it remembers of former cases, such as the pause of a rule, counts. While the database is away each one acts.
 */
export class ServerClaims {
  readonly #options: ClaimsOptions;
  #waiting: Waiting[] = [];
  #asking: Promise<void> | undefined;
  /** After a start it does not know the pauses that another server has begun. */
  #actedLast = false;

  constructor(options: ClaimsOptions) {
    this.#options = options;
  }

  /** Whether other servers may act instead of this one. */
  get isShared(): boolean {
    return documentCarrier(this.#options.dataDir) !== undefined;
  }

  /** Whether this server acts. Never rejects. */
  async take(name: string): Promise<boolean> {
    const { clock, dataDir } = this.#options;
    if (documentCarrier(dataDir)?.fault !== undefined || !this.isShared) {
      return true;
    }
    if (!this.#actedLast) {
      await clock.sleep(SECOND_MS, new AbortController().signal);
    }
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#waiting.push({ name, decide: resolve });
    this.#asking ??= this.#ask();
    await endsWithin(clock, PATIENCE_MS, promise);
    // Decided before, or the database does not answer.
    resolve(true);
    return promise;
  }

  async #ask(): Promise<void> {
    const { dataDir, lastsMs } = this.#options;
    // Claims of the same moment are one question.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const some = this.#waiting.splice(0, ASKED_AT_ONCE);
      const names = [...new Set(some.map(({ name }) => name))];
      const own = await documentCarrier(dataDir)
        ?.lease(names, lastsMs)
        .catch(() => undefined);
      if (own) {
        this.#actedLast = own.size > 0;
      }
      for (const { name, decide } of some) {
        decide(own?.has(name) ?? true);
      }
    }
    // In the same turn as the last look at the queue: a claim that is added later starts a question of its own.
    this.#asking = undefined;
  }
}

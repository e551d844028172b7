import type { Clock } from '../base/clock.ts';
import { documentCarrier } from '../base/files/document-carrier.ts';
import { withJoinedSignal } from '../base/joined-signal.ts';
import type { Forwarder } from '../protocols/contract.ts';

/** How long the lease of a server that has ended keeps the others from its destination. */
const LEASE_MS = 10_000;
const ASK_MS = 3_000;

interface ForwardLeasesOptions {
  readonly dataDir: string;
  readonly clock: Clock;
}

/**
 * Of servers with one database that publish a path to the same destination one does: a second publisher would replace the first. Another
 * one takes over when it has ended, or cannot reach the destination.
 */
export class ForwardLeases {
  readonly #options: ForwardLeasesOptions;
  /** Names that this server had at the last answer of the database. */
  readonly #own = new Set<string>();

  constructor(options: ForwardLeasesOptions) {
    this.#options = options;
  }

  /** @param path of the stream @param dest URL of the destination */
  limit(forwarder: Forwarder, path: string, dest: string): Forwarder {
    if (!documentCarrier(this.#options.dataDir)) {
      return forwarder;
    }
    return {
      get outboundBytes() {
        return forwarder.outboundBytes;
      },
      run: (stream, onForwarding, signal, onWaiting) => {
        const work = (held: AbortSignal) => forwarder.run(stream, onForwarding, held);
        return this.#hold(`forward ${path} ${dest}`, work, signal, onWaiting);
      },
    };
  }

  /** Runs work while this server has the lease. @throws what `work` throws */
  async #hold(
    name: string,
    work: (signal: AbortSignal) => Promise<void>,
    signal: AbortSignal,
    onWaiting: () => void = () => {},
  ): Promise<void> {
    const { clock } = this.#options;
    while (!(await this.#has(name))) {
      onWaiting();
      await clock.sleep(ASK_MS, signal);
      if (signal.aborted) {
        return;
      }
    }
    const lost = new AbortController();
    const ask = async (): Promise<void> => {
      if (!(await this.#has(name))) {
        lost.abort();
      }
    };
    let asking: Promise<void> | undefined;
    const stop = clock.every(ASK_MS, () => {
      asking ??= ask().finally(() => {
        asking = undefined;
      });
    });
    try {
      await withJoinedSignal([signal, lost.signal], undefined, (joined) => work(joined.signal));
    } finally {
      stop();
      // It would take the lease again.
      await asking;
      await this.#release(name);
    }
    if (lost.signal.aborted) {
      onWaiting();
    }
  }

  /** While the database is away, what it said last counts. */
  async #has(name: string): Promise<boolean> {
    try {
      const own = await documentCarrier(this.#options.dataDir)?.lease([name], LEASE_MS);
      if (own?.has(name) === false) {
        this.#own.delete(name);
      } else {
        this.#own.add(name);
      }
    } catch {
      // Asked again soon.
    }
    return this.#own.has(name);
  }

  async #release(name: string): Promise<void> {
    try {
      await documentCarrier(this.#options.dataDir)?.release(name);
      this.#own.delete(name);
    } catch {
      // It ends by itself.
    }
  }
}

import type { Clock } from './clock.ts';
import { subscriberOf } from './ip-address.ts';
import type { Logger } from './log.ts';

/** What all of them may hold together: some hundred honest clients, who come and are let in within milliseconds, hold a tenth of it. */
const MAX_NEWCOMER_BYTES = 8 << 20;
/** A connection with its socket, parser and first request (measured), and the same with OpenSSL's state and buffers. */
export const CONNECTION_BYTES = 12 << 10;
export const TLS_CONNECTION_BYTES = 40 << 10;
/** So often it is logged that clients were closed: a flood of them is not to fill the log. */
const LOG_EVERY_MS = 60_000;

/** The memory that one client holds. */
export interface NewcomerShare {
  /** May end the client, or others. @param bytes that it holds now */
  hold(bytes: number): void;
  /** It has been let in, or has gone. */
  end(): void;
}

interface Share extends NewcomerShare {
  readonly close: () => void;
  bytes: number;
}

interface Address {
  /** The oldest first. */
  readonly shares: Set<Share>;
  bytes: number;
}

/**
 * One budget for the heads and bodies of all clients that nobody has let in yet. When it is used up, the clients of the address that
 * holds most are closed, the oldest first: one machine that opens a thousand connections keeps no other one out. Of addresses that
 * hold the same the one that has been there longest gives way: a thousand machines with one connection each do not either.
 */
export class NewcomerMemory {
  readonly #clock: Pick<Clock, 'monoMs'>;
  readonly #log: Pick<Logger, 'warn'>;
  readonly #limitBytes: number;
  readonly #addresses = new Map<string, Address>();
  #bytes = 0;
  #closed = 0;
  #loggedMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, 'monoMs'>, log: Pick<Logger, 'warn'>, limitBytes = MAX_NEWCOMER_BYTES) {
    this.#clock = clock;
    this.#log = log;
    this.#limitBytes = limitBytes;
  }

  /** That all of them hold now. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * @param ip canonical
   * @param close ends the client's connection; called once at most, and not after `end`
   */
  open(ip: string, close: () => void): NewcomerShare {
    const key = subscriberOf(ip);
    const address = this.#addresses.get(key) ?? { shares: new Set<Share>(), bytes: 0 };
    this.#addresses.set(key, address);
    const share: Share = {
      close,
      bytes: 0,
      hold: (bytes) => {
        if (address.shares.has(share)) {
          this.#count(address, share, bytes);
          this.#makeRoom();
        }
      },
      end: () => this.#remove(key, address, share),
    };
    address.shares.add(share);
    return share;
  }

  #count(address: Address, share: Share, bytes: number): void {
    const more = bytes - share.bytes;
    share.bytes = bytes;
    address.bytes += more;
    this.#bytes += more;
  }

  #remove(key: string, address: Address, share: Share): void {
    if (address.shares.delete(share)) {
      this.#count(address, share, 0);
      if (address.shares.size === 0) {
        this.#addresses.delete(key);
      }
    }
  }

  #makeRoom(): void {
    while (this.#bytes > this.#limitBytes) {
      let [most, largest]: [string, Address | undefined] = ['', undefined];
      for (const [other, address] of this.#addresses) {
        if (address.bytes > (largest?.bytes ?? 0)) {
          [most, largest] = [other, address];
        }
      }
      const oldest = largest && [...largest.shares].find(({ bytes }) => bytes > 0);
      if (!largest || !oldest) {
        return;
      }
      this.#remove(most, largest, oldest);
      oldest.close();
      this.#tell(most);
    }
  }

  #tell(address: string): void {
    this.#closed += 1;
    const nowMs = this.#clock.monoMs();
    if (nowMs - this.#loggedMs >= LOG_EVERY_MS) {
      const facts = { address, closed: this.#closed, limitBytes: this.#limitBytes };
      this.#log.warn(facts, 'clients without a login hold too much memory: the oldest of this address are closed');
      this.#loggedMs = nowMs;
      this.#closed = 0;
    }
  }
}

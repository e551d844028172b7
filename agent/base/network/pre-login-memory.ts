import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import { subscriberOf } from './ip-address.ts';

/** Measured memory of a connection with its socket, parser and first request. */
export const CONNECTION_BYTES = 12 << 10;
export const TLS_CONNECTION_BYTES = 40 << 10;
/** Shortest time between log lines about closed clients. */
const LOG_EVERY_MS = 60_000;

/** The memory of one client. */
export interface PreLoginShare {
  /** Sets the memory of this client. May close it or others. @param bytes what it holds now */
  hold(bytes: number): void;
  /** Call this when the client has logged in or its connection has closed. */
  end(): void;
}

interface Share extends PreLoginShare {
  readonly close: () => void;
  bytes: number;
}

interface Address {
  /** Oldest first. */
  readonly shares: Set<Share>;
  bytes: number;
}

/**
 * One budget for the heads and bodies of all clients without a login. When it is exceeded, clients of the address that holds most are
 * closed, oldest first, so that neither one device with a thousand connections nor a thousand devices with one each keep others out.
 * If several addresses hold equally much, the clients of the oldest one are closed first.
 */
export class PreLoginMemory {
  readonly #clock: Pick<Clock, 'monoMs'>;
  readonly #log: Pick<Logger, 'warn'>;
  readonly #limitBytes: number;
  readonly #addresses = new Map<string, Address>();
  #bytes = 0;
  #closed = 0;
  #loggedMs = Number.NEGATIVE_INFINITY;

  /** A hundred regular clients, which log in within milliseconds, hold a tenth of the default. */
  constructor(clock: Pick<Clock, 'monoMs'>, log: Pick<Logger, 'warn'>, limitBytes = 8 << 20) {
    this.#clock = clock;
    this.#log = log;
    this.#limitBytes = limitBytes;
  }

  /** Number of bytes that all clients hold. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * @param ip canonical
   * @param close ends the client's connection; called at most once, and not after `end`
   */
  open(ip: string, close: () => void): PreLoginShare {
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
      this.#logClosed(most);
    }
  }

  #logClosed(address: string): void {
    this.#closed += 1;
    const nowMs = this.#clock.monoMs();
    if (nowMs - this.#loggedMs >= LOG_EVERY_MS) {
      const facts = { address, closed: this.#closed, limitBytes: this.#limitBytes };
      this.#log.warn(facts, 'clients without a login use too much memory: the oldest of this address are closed');
      this.#loggedMs = nowMs;
      this.#closed = 0;
    }
  }
}

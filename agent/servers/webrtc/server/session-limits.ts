import { PerchError } from '../../../base/errors.ts';
import { endpointOf, subscriberOf } from '../../../base/ip-address.ts';

/** Each session holds a few kilobytes before its handshake, and a hundred after it; a machine that feeds more than this is none of ours. */
const MAX_SESSIONS = 1_000;
const MAX_PER_PATH = 500;
/** A household behind one address (of IPv6: in one network of 64 bits), or a proxy that does not say for whom it asks. */
const MAX_PER_ADDRESS = 500;
/** A page of cameras asks for twenty at once, and each is done within a second. */
const MAX_WAITING_PER_ADDRESS = 100;
const RETRY_AFTER_S = 5;

/** The right to be one of the sessions, from the offer on: a source on demand may be waited for. */
export interface Seat {
  /** The handshake has succeeded: it does not count as waiting any more. */
  settle(): void;
  /** May be called more than once. */
  leave(): void;
}

/** So that offers, which cost nothing to send, cannot fill the memory. */
export class SessionLimits {
  #total = 0;
  readonly #byPath = new Map<string, number>();
  readonly #byAddress = new Map<string, number>();
  readonly #waitingByAddress = new Map<string, number>();

  /**
   * @param requester `remoteAddr` is `address:port`, an IPv6 address in brackets
   * @throws PerchError exhausted
   */
  take(requester: { readonly path: string; readonly remoteAddr: string }): Seat {
    const { path } = requester;
    const address = subscriberOf(endpointOf(requester.remoteAddr).ip);
    refuseAbove(
      this.#waitingByAddress.get(address),
      MAX_WAITING_PER_ADDRESS,
      `from ${address} that wait for a handshake`,
    );
    refuseAbove(this.#byAddress.get(address), MAX_PER_ADDRESS, `from ${address}`);
    refuseAbove(this.#byPath.get(path), MAX_PER_PATH, `of path '${path}'`);
    refuseAbove(this.#total, MAX_SESSIONS, 'in all');
    this.#total += 1;
    add(this.#byPath, path, 1);
    add(this.#byAddress, address, 1);
    add(this.#waitingByAddress, address, 1);
    let state: 'waiting' | 'settled' | 'left' = 'waiting';
    const settle = (): void => {
      if (state === 'waiting') {
        state = 'settled';
        add(this.#waitingByAddress, address, -1);
      }
    };
    const leave = (): void => {
      settle();
      if (state === 'settled') {
        state = 'left';
        this.#total -= 1;
        add(this.#byPath, path, -1);
        add(this.#byAddress, address, -1);
      }
    };
    return { settle, leave };
  }
}

function refuseAbove(count: number | undefined, limit: number, which: string): void {
  if ((count ?? 0) >= limit) {
    const message = `too many WebRTC sessions: ${count} ${which}, limit ${limit}`;
    throw new PerchError('exhausted', message, { retryAfterS: RETRY_AFTER_S });
  }
}

function add(counts: Map<string, number>, key: string, change: number): void {
  const count = (counts.get(key) ?? 0) + change;
  if (count === 0) {
    counts.delete(key);
  } else {
    counts.set(key, count);
  }
}

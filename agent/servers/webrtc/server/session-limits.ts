import { addCount } from '../../../base/count-map.ts';
import { PerchError } from '../../../base/errors.ts';
import { endpointOf, subscriberOf } from '../../../base/network/ip-address.ts';

const RETRY_AFTER_S = 5;

/** A counted session, from the offer on; it may wait for an on-demand source. */
export interface SessionSlot {
  /** The handshake succeeded: the session no longer counts as waiting. */
  confirm(): void;
  /** Idempotent. */
  release(): void;
}

/** Keeps offers, which are cheap to send, from exhausting memory. */
export class SessionLimits {
  #total = 0;
  readonly #byPath = new Map<string, number>();
  readonly #byAddress = new Map<string, number>();
  readonly #waitingByAddress = new Map<string, number>();

  /** @throws PerchError exhausted */
  take(requester: { readonly path: string; readonly remoteAddr: string }): SessionSlot {
    const { path } = requester;
    const address = subscriberOf(endpointOf(requester.remoteAddr).ip);
    // A page of cameras opens twenty at once, each within a second.
    rejectAbove(this.#waitingByAddress.get(address), 100, `from ${address} that wait for a handshake`);
    // Enough for a household, or a proxy that hides its clients.
    rejectAbove(this.#byAddress.get(address), 500, `from ${address}`);
    rejectAbove(this.#byPath.get(path), 500, `of path '${path}'`);
    // A session holds a few kilobytes before its handshake and a hundred after it.
    rejectAbove(this.#total, 1_000, 'in all');
    this.#total += 1;
    addCount(this.#byPath, path, 1);
    addCount(this.#byAddress, address, 1);
    addCount(this.#waitingByAddress, address, 1);
    let state: 'waiting' | 'settled' | 'left' = 'waiting';
    const confirm = (): void => {
      if (state === 'waiting') {
        state = 'settled';
        addCount(this.#waitingByAddress, address, -1);
      }
    };
    const release = (): void => {
      confirm();
      if (state === 'settled') {
        state = 'left';
        this.#total -= 1;
        addCount(this.#byPath, path, -1);
        addCount(this.#byAddress, address, -1);
      }
    };
    return { confirm, release };
  }
}

function rejectAbove(count: number | undefined, limit: number, which: string): void {
  if ((count ?? 0) >= limit) {
    const message = `too many WebRTC sessions: ${count} ${which}, limit ${limit}`;
    throw new PerchError('exhausted', message, { retryAfterS: RETRY_AFTER_S });
  }
}

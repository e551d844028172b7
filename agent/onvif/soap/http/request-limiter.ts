import { PerchError } from '../../../base/errors.ts';

/** Maximum number of concurrent calls of one camera: small cameras serve few connections, and their web page needs one. */
const MAX_CALLS = 2;
/** Maximum number of calls that wait for events: such a call costs a camera only the connection. */
const MAX_WAITING_CALLS = 8;
const MAX_QUEUED = 64;
/** Calls with a longer deadline wait for events. */
const LONG_CALL_MS = 15_000;

/** `waiting`: for events. `urgent`: next to the calls that run and ahead of the queue, because a moving camera must stop. */
type CallKind = 'plain' | 'urgent' | 'waiting';

export function callKindOf(deadlineMs: number, isUrgent = false): CallKind {
  return isUrgent ? 'urgent' : deadlineMs > LONG_CALL_MS ? 'waiting' : 'plain';
}

interface Waiter {
  readonly kind: CallKind;
  readonly go: () => void;
}

interface CallQueue {
  running: number;
  readonly waiters: Waiter[];
}

export class RequestLimiter {
  readonly #queues = new Map<string, CallQueue>();

  async run<T>(camera: string, kind: CallKind, signal: AbortSignal, call: () => Promise<T>): Promise<T> {
    const isLong = kind === 'waiting';
    const key = isLong ? `${camera} waiting` : camera;
    const queue = this.#queues.get(key) ?? { running: 0, waiters: [] };
    this.#queues.set(key, queue);
    const most = isLong ? MAX_WAITING_CALLS : kind === 'urgent' ? MAX_CALLS + 1 : MAX_CALLS;
    if (queue.running >= most) {
      await this.#turn(queue, camera, kind, signal);
    } else {
      queue.running += 1;
    }
    try {
      return await call();
    } finally {
      this.#leave(key, queue);
    }
  }

  /** Hands the place over to the next waiter, so that no new call gets in between. */
  #leave(key: string, queue: CallQueue): void {
    // The place of an urgent call is not for others.
    const isSpare = queue.running > MAX_CALLS && !key.endsWith(' waiting');
    const next = isSpare && queue.waiters[0]?.kind !== 'urgent' ? undefined : queue.waiters.shift();
    if (next) {
      next.go();
      return;
    }
    queue.running -= 1;
    if (queue.running === 0) {
      this.#queues.delete(key);
    }
  }

  #turn({ waiters }: CallQueue, camera: string, kind: CallKind, signal: AbortSignal): Promise<void> {
    if (waiters.length >= MAX_QUEUED && kind !== 'urgent') {
      throw new PerchError('exhausted', `${MAX_QUEUED} calls wait for the camera at ${camera}`, { camera: 'timeout' });
    }
    return new Promise((resolve, reject) => {
      const givenUp = () => new PerchError('unavailable', `the call to the camera at ${camera} was cancelled`);
      if (signal.aborted) {
        reject(givenUp());
        return;
      }
      const abort = (): void => {
        waiters.splice(waiters.indexOf(waiter), 1);
        reject(givenUp());
      };
      const go = (): void => {
        signal.removeEventListener('abort', abort);
        resolve();
      };
      const waiter = { kind, go };
      signal.addEventListener('abort', abort, { once: true });
      const behind = kind === 'urgent' ? waiters.findIndex((other) => other.kind !== 'urgent') : -1;
      waiters.splice(behind < 0 ? waiters.length : behind, 0, waiter);
    });
  }
}

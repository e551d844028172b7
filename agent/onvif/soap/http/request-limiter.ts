import { PerchError } from '../../../base/errors.ts';

/** Small cameras serve few connections, and their own page needs one. */
const MAX_CALLS = 2;
/** Calls that wait for an event cost a camera nothing but the connection. */
const MAX_WAITING_CALLS = 8;
const MAX_QUEUED = 64;
/** Calls with a longer deadline wait for something to happen. */
const LONG_CALL_MS = 15_000;

/** `waiting`: for something to happen. `urgent`: goes before all who stand in the line, for a camera that turns has to be stopped. */
export type CallKind = 'plain' | 'urgent' | 'waiting';

export function kindOf(deadlineMs: number, isUrgent = false): CallKind {
  return isUrgent ? 'urgent' : deadlineMs > LONG_CALL_MS ? 'waiting' : 'plain';
}

interface Waiter {
  readonly kind: CallKind;
  readonly go: () => void;
}

interface Lane {
  running: number;
  readonly queue: Waiter[];
}

/** Lets only so many calls run at a time to one camera, whoever makes them. */
export class CallLanes {
  /** Those in use: gone with their last call. */
  readonly #lanes = new Map<string, Lane>();

  async run<T>(camera: string, kind: CallKind, signal: AbortSignal, call: () => Promise<T>): Promise<T> {
    const isLong = kind === 'waiting';
    const key = isLong ? `${camera} waiting` : camera;
    const lane = this.#lanes.get(key) ?? { running: 0, queue: [] };
    this.#lanes.set(key, lane);
    if (lane.running >= (isLong ? MAX_WAITING_CALLS : MAX_CALLS)) {
      await this.#turn(lane, camera, kind, signal);
    } else {
      lane.running += 1;
    }
    try {
      return await call();
    } finally {
      this.#leave(key, lane);
    }
  }

  /** The place of the one who leaves is handed on: nobody comes in between. */
  #leave(key: string, lane: Lane): void {
    const next = lane.queue.shift();
    if (next) {
      next.go();
      return;
    }
    lane.running -= 1;
    if (lane.running === 0) {
      this.#lanes.delete(key);
    }
  }

  #turn({ queue }: Lane, camera: string, kind: CallKind, signal: AbortSignal): Promise<void> {
    if (queue.length >= MAX_QUEUED && kind !== 'urgent') {
      throw new PerchError('exhausted', `${MAX_QUEUED} calls wait for the camera at ${camera}`, { camera: 'timeout' });
    }
    return new Promise((resolve, reject) => {
      const givenUp = () => new PerchError('unavailable', `the call to the camera at ${camera} was given up`);
      if (signal.aborted) {
        reject(givenUp());
        return;
      }
      const abort = (): void => {
        queue.splice(queue.indexOf(waiter), 1);
        reject(givenUp());
      };
      const go = (): void => {
        signal.removeEventListener('abort', abort);
        resolve();
      };
      const waiter = { kind, go };
      signal.addEventListener('abort', abort, { once: true });
      const behind = kind === 'urgent' ? queue.findIndex((other) => other.kind !== 'urgent') : -1;
      queue.splice(behind < 0 ? queue.length : behind, 0, waiter);
    });
  }
}

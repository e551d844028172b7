import type { Clock } from '../../../base/clock.ts';
import type { Logger } from '../../../base/log.ts';

const WINDOW_MS = 10_000;

export interface ViewerFacts {
  readonly path: string;
  /** Id in the API. */
  readonly session: string;
  readonly remote: string;
  /** Empty: anonymous. */
  readonly user: string;
  /** `lowLatency`, `fmp4`, `mpegts`, `mse` or `mp4`. */
  readonly protocol: string;
}

/** Logs the start and end of each viewer, at a limited rate. */
export class ViewerLog {
  readonly #log: Logger;
  readonly #clock: Clock;
  #lines = 0;
  #untold = { opened: 0, ended: 0 };
  #stopWindow: (() => void) | undefined;

  constructor(log: Logger, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  opened(viewer: ViewerFacts): void {
    if (this.#hasRoom('opened')) {
      this.#log.info(fieldsOf(viewer), 'HLS viewer is connected');
    }
  }

  ended(viewer: ViewerFacts, reason: string, sentBytes: number): void {
    if (this.#hasRoom('ended')) {
      this.#log.info({ ...fieldsOf(viewer), reason, sentBytes }, 'HLS viewer has left');
    }
  }

  /** Logs the rest. */
  close(): void {
    this.#endWindow();
  }

  #hasRoom(what: 'opened' | 'ended'): boolean {
    this.#stopWindow ??= this.#clock.every(WINDOW_MS, () => this.#endWindow());
    this.#lines += 1;
    // Limit of lines, a readable amount; more viewers share one line.
    const hasRoom = this.#lines <= 50;
    this.#untold[what] += hasRoom ? 0 : 1;
    return hasRoom;
  }

  #endWindow(): void {
    this.#stopWindow?.();
    this.#stopWindow = undefined;
    this.#lines = 0;
    const { opened, ended } = this.#untold;
    if (opened + ended > 0) {
      this.#untold = { opened: 0, ended: 0 };
      this.#log.info({ opened, ended }, 'more HLS viewers have connected and left');
    }
  }
}

const fieldsOf = ({ path, session, remote, user, protocol }: ViewerFacts): object => ({
  path,
  session,
  remote,
  protocol,
  ...(user === '' ? {} : { user }),
});

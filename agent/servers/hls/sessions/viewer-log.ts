import type { Clock } from '../../../base/clock.ts';
import type { Logger } from '../../../base/log.ts';

/** As many lines as one can follow; a thousand viewers who come at once are told in one more. */
const MAX_LINES = 50;
const WINDOW_MS = 10_000;

/** What is told of a viewer. */
export interface ViewerFacts {
  readonly path: string;
  /** As the API shows it. */
  readonly session: string;
  readonly remote: string;
  /** Empty: nobody said who he is. */
  readonly user: string;
  /** `lowLatency`, `fmp4`, `mpegts`, `mse` or `mp4`. */
  readonly protocol: string;
}

/** Two lines for each viewer, when he comes and when he goes, and no more than can be read. */
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
      this.#log.info(fieldsOf(viewer), 'HLS viewer has come');
    }
  }

  /** @param reason why he goes, in words */
  ended(viewer: ViewerFacts, reason: string, sentBytes: number): void {
    if (this.#hasRoom('ended')) {
      this.#log.info({ ...fieldsOf(viewer), reason, sentBytes }, 'HLS viewer has left');
    }
  }

  /** Tells what has not been told yet. */
  close(): void {
    this.#endWindow();
  }

  #hasRoom(what: 'opened' | 'ended'): boolean {
    this.#stopWindow ??= this.#clock.every(WINDOW_MS, () => this.#endWindow());
    this.#lines += 1;
    const hasRoom = this.#lines <= MAX_LINES;
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
      this.#log.info({ opened, ended }, 'more HLS viewers have come and left');
    }
  }
}

const fieldsOf = ({ path, session, remote, user, protocol }: ViewerFacts): object => ({
  ...{ path, session, remote, protocol },
  ...(user === '' ? {} : { user }),
});

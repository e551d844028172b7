import { putBounded } from '../../../base/bounded-map.ts';
import type { Clock } from '../../../base/clock.ts';
import type { SessionEnd } from '../../../transports/webrtc/link/session-media.ts';

/** How long an end reason is kept. A page requests it right after its transport closes, or later after a timeout. */
const REMEMBERED_MS = 60_000;
/** A stream with hundreds of viewers may end; the oldest endings are dropped first. */
const MAX_REMEMBERED = 500;

export interface Ending {
  readonly reason: string;
  readonly end: SessionEnd;
}

/** Remembers why the server ended sessions: DTLS can close them but give no reason. */
export class EndedSessions {
  readonly #clock: Clock;
  readonly #endings = new Map<string, Ending & { readonly monoMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  remember(secret: string, reason: string, end: SessionEnd): void {
    if (end === 'byPeer') {
      return;
    }
    putBounded(this.#endings, secret, { reason, end, monoMs: this.#clock.monoMs() }, MAX_REMEMBERED);
  }

  find(secret: string): Ending | undefined {
    const ending = this.#endings.get(secret);
    return ending && this.#clock.monoMs() - ending.monoMs <= REMEMBERED_MS ? ending : undefined;
  }

  tick(): void {
    const nowMs = this.#clock.monoMs();
    for (const [secret, { monoMs }] of this.#endings) {
      if (nowMs - monoMs <= REMEMBERED_MS) {
        break;
      }
      this.#endings.delete(secret);
    }
  }
}

import { uptime } from 'node:os';
import { isPlausible } from '../../../system/clock-signs.ts';
import type { HostRequests } from '../../../system/host-requests.ts';
import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';

/** Accepted inaccuracy of a phone's clock. */
const NEAR_MS = 2_000;
/** Slightly longer than `TimeoutStartSec` of perch-clock.service. */
const PATIENCE_MS = 35_000;

interface DeviceClockDeps {
  readonly clock: Pick<Clock, 'wallMs'>;
  readonly host: Pick<HostRequests, 'offers' | 'ask'>;
  /** The clock is known to be right. */
  isTrusted(): boolean;
  /** Seconds since the box started. */
  readonly uptimeS?: () => number;
}

/** Sets the box's clock from the owner's phone if no other time source is known. */
export class DeviceClock {
  readonly #deps: DeviceClockDeps;

  constructor(deps: DeviceClockDeps) {
    this.#deps = deps;
  }

  get canBeSet(): boolean {
    return !this.#deps.isTrusted() && this.#deps.host.offers('clock');
  }

  /**
   * @param toMs Unix milliseconds
   * @returns what was done, for people
   * @throws PerchError `badInput` for an invalid time, or if the clock is right (`isKnown`); `unsupported` if it cannot be set here
   */
  async set(toMs: number, signal: AbortSignal): Promise<string> {
    const { clock, host, isTrusted, uptimeS = uptime } = this.#deps;
    const uptimeMs = Math.round(uptimeS() * 1_000);
    if (isTrusted()) {
      throw new PerchError('badInput', 'the box already knows the time', { isKnown: true });
    }
    if (!isPlausible(toMs)) {
      throw new PerchError('badInput', `${dateOf(toMs)} is not a plausible present time`);
    }
    if (Math.abs(toMs - clock.wallMs()) < NEAR_MS) {
      throw new PerchError('badInput', `the clock of the box differs by less than ${NEAR_MS / 1_000} s`, {
        isKnown: true,
      });
    }
    if (!host.offers('clock')) {
      const byHand = `date -s @${Math.round(toMs / 1_000)} && touch /run/perch-clock-set`;
      throw new PerchError('unsupported', `Perch may not set this box's clock: as root, ${byHand}`);
    }
    // With the time since the start, the service can correct for its delay.
    const answer = await host.ask('clock', { unixMs: Math.round(toMs), uptimeMs }, PATIENCE_MS, signal);
    if (!answer.ok) {
      throw new PerchError('badInput', answer.text, { isKnown: true });
    }
    return answer.text;
  }
}

const dateOf = (ms: number): string => (Math.abs(ms) < 8.64e15 ? new Date(ms).toISOString() : String(ms));

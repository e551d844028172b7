import { uptime } from 'node:os';
import { isPlausible } from '../../../system/clock-signs.ts';
import type { HostRequests } from '../../../system/host-requests.ts';
import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';

/** What a phone's clock is off anyway. */
const NEAR_MS = 2_000;
/** A bit longer than systemd lets root's service work: `TimeoutStartSec` of perch-clock.service. */
const PATIENCE_MS = 35_000;

export interface DeviceClockDeps {
  readonly clock: Pick<Clock, 'wallMs'>;
  readonly host: Pick<HostRequests, 'offers' | 'ask'>;
  /** What the clock says is believed. */
  isTrusted(): boolean;
  /** Seconds since the machine was started. */
  readonly uptimeS?: () => number;
}

/** The machine's clock, set from the owner's phone where the box has its time from nowhere else. */
export class DeviceClock {
  readonly #deps: DeviceClockDeps;

  constructor(deps: DeviceClockDeps) {
    this.#deps = deps;
  }

  get canBeSet(): boolean {
    return !this.#deps.isTrusted() && this.#deps.host.offers('clock');
  }

  /**
   * @param toMs Unix milliseconds, of now
   * @returns what was done, for people
   * @throws PerchError `badInput` this is no time, or the box knows it (`isKnown`); `unsupported` nobody can set it here
   */
  async set(toMs: number, signal: AbortSignal): Promise<string> {
    const { clock, host, isTrusted, uptimeS = uptime } = this.#deps;
    const uptimeMs = Math.round(uptimeS() * 1_000);
    if (isTrusted()) {
      throw new PerchError('badInput', 'the box knows the time already', { isKnown: true });
    }
    if (!isPlausible(toMs)) {
      throw new PerchError('badInput', `${dateOf(toMs)} is no time of now`);
    }
    if (Math.abs(toMs - clock.wallMs()) < NEAR_MS) {
      throw new PerchError('badInput', `the clock of the box says the same to ${NEAR_MS / 1_000} s`, { isKnown: true });
    }
    if (!host.offers('clock')) {
      const byHand = `date -s @${Math.round(toMs / 1_000)} && touch /run/perch-clock-set`;
      throw new PerchError('unsupported', `Perch may not set this machine's clock: as root, ${byHand}`);
    }
    // It takes a moment until root's service runs: by the time since the start it knows how long.
    const answer = await host.ask('clock', { unixMs: Math.round(toMs), uptimeMs }, PATIENCE_MS, signal);
    if (!answer.ok) {
      throw new PerchError('badInput', answer.text, { isKnown: true });
    }
    return answer.text;
  }
}

const dateOf = (ms: number): string => (Math.abs(ms) < 8.64e15 ? new Date(ms).toISOString() : String(ms));

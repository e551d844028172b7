import type { Clock } from '../../../base/clock.ts';
import type { Channel } from './channels.ts';
import { measureReplay } from './measure-replay.ts';
import type { OpenRecorder } from './recorder-session.ts';

/** Of a channel that nothing has come of: 4 Mbit/s. */
const USUAL_BYTES_PER_SECOND = 500_000;

/** Bytes per second of the channels of a recorder, to foresee what they will take. */
export class ChannelRates {
  readonly #clock: Clock;
  /** What came or was measured, by group. */
  readonly #came = new Map<string, { readonly bytes: number; readonly seconds: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A channel of which nothing has come is like the others. */
  of(group: string): number {
    const own = this.#came.get(group);
    const known = own ? [own] : [...this.#came.values()];
    const seconds = known.reduce((sum, one) => sum + one.seconds, 0);
    return seconds > 0 ? known.reduce((sum, one) => sum + one.bytes, 0) / seconds : USUAL_BYTES_PER_SECOND;
  }

  add(group: string, bytes: number, seconds: number): void {
    const before = this.#came.get(group) ?? { bytes: 0, seconds: 0 };
    this.#came.set(group, { bytes: before.bytes + bytes, seconds: before.seconds + seconds });
  }

  /**
   * Bytes of some seconds of a channel. It is measured only where its rate decides whether they fit.
   * 0: it cannot be measured, and the room is checked while they come. @throws PerchError the reason of `signal`
   */
  async expected(
    { group, channel, seconds }: { readonly group: string; readonly channel: Channel; readonly seconds: number },
    room: number,
    opened: OpenRecorder,
    signal: AbortSignal,
  ): Promise<number> {
    const usual = this.of(group) * seconds;
    if (this.#came.has(group) || room <= 0 || room >= usual) {
      return usual;
    }
    const { bytesPerSecond = 0 } = (await measureReplay(opened, channel, this.#clock, signal)) ?? {};
    if (bytesPerSecond > 0) {
      this.add(group, bytesPerSecond, 1);
    }
    return bytesPerSecond * seconds;
  }
}

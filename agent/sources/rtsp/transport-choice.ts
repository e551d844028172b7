import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';

/** How RTP comes: within the RTSP connection, to ports of ours, or to a group. */
export type Way = 'tcp' | 'udp' | 'multicast';

/** As MediaMTX's API names them. */
export const TRANSPORT_OF = { tcp: 'TCP', udp: 'UDP', multicast: 'UDP-multicast' } as const;

/** Over a home network TCP loses nothing; multicast needs switches that know about it. */
const ORDER: readonly Way[] = ['tcp', 'udp', 'multicast'];
/** A camera whose settings have been changed is asked for TCP again, if it has to be asked anyway. */
const REMEMBER_MS = 3_600_000;

/** The camera cannot or will not send in this way; another may do. `cause` says why, for a person. */
export class TransportRefused extends Error {
  override readonly name = 'TransportRefused';
  override readonly cause: PerchError;

  constructor(cause: PerchError) {
    super(cause.message);
    this.cause = cause;
  }
}

/** Which way a source asks for its media, and what it has learnt from the camera. */
export class TransportChoice {
  readonly #wanted: Way | 'automatic';
  readonly #clock: Clock;
  #learnt: Way | undefined;
  #learntAtMs = 0;

  constructor(wanted: Way | 'automatic', clock: Clock) {
    this.#wanted = wanted;
    this.#clock = clock;
  }

  /** The ways to ask for, best first. @param isTunnelled the connection is encrypted or passes a proxy: media stay in it */
  ways(isTunnelled: boolean): readonly Way[] {
    if (isTunnelled) {
      return ['tcp'];
    }
    if (this.#wanted !== 'automatic') {
      return [this.#wanted];
    }
    const learnt = this.#learnt;
    if (learnt === undefined || this.#clock.monoMs() - this.#learntAtMs >= REMEMBER_MS) {
      return ORDER;
    }
    return [learnt, ...ORDER.filter((way) => way !== learnt)];
  }

  /** Media came this way: it is asked for first for an hour. */
  worked(way: Way): void {
    // The hour counts from when it was learnt, or a camera that reconnects each half hour would never be asked again.
    if (this.#learnt !== way || this.#clock.monoMs() - this.#learntAtMs >= REMEMBER_MS) {
      this.#learnt = way;
      this.#learntAtMs = this.#clock.monoMs();
    }
  }

  /** It did not work. */
  failed(way: Way): void {
    if (this.#learnt === way) {
      this.#learnt = undefined;
    }
  }
}

/** What to tell when no way is left. @param refusals at least one */
export function noWayLeft(refusals: readonly (readonly [Way, PerchError])[], name: string): PerchError {
  const last = refusals.at(-1)?.[1];
  if (last === undefined || refusals.length === 1) {
    return last ?? new PerchError('unsupported', `no transport is left for path '${name}'`, { path: name });
  }
  const reasons = refusals.map(([way, cause]) => `${TRANSPORT_OF[way]}: ${explain(cause)}`);
  return new PerchError('unsupported', `camera of path '${name}' sends in no way (${reasons.join('; ')})`, {
    path: name,
  });
}

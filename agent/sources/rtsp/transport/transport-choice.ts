import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';

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
  /** The camera has set something up all the same: only on another connection it can be asked anew. */
  readonly hasBegun: boolean;

  constructor(cause: PerchError, hasBegun: boolean) {
    super(cause.message);
    this.cause = cause;
    this.hasBegun = hasBegun;
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

/** The ways of one run, one after the other. */
export class Trials {
  readonly #ways: readonly Way[];
  readonly #refusals: (readonly [Way, PerchError])[] = [];

  constructor(ways: readonly Way[]) {
    this.#ways = ways;
  }

  /** The one to ask for; undefined: none is left. */
  get way(): Way | undefined {
    return this.#ways[this.#refusals.length];
  }

  get isOnlyWay(): boolean {
    return this.#ways.length === 1;
  }

  /** It has not been asked for yet. */
  isLeft(way: Way): boolean {
    return this.#ways.includes(way, this.#refusals.length + 1);
  }

  /** The present way does not do. */
  refuse(cause: PerchError): void {
    if (this.way !== undefined) {
      this.#refusals.push([this.way, cause]);
    }
  }

  /** What to tell when no way is left. @param name of the path */
  failure(name: string): PerchError {
    const [only, ...others] = this.#refusals;
    if (only && others.length === 0) {
      return only[1];
    }
    const reasons = this.#refusals.map(([way, cause]) => `${TRANSPORT_OF[way]}: ${explain(cause)}`);
    const message = `camera of path '${name}' sends in no way (${reasons.join('; ')})`;
    return new PerchError('unsupported', message, { path: name });
  }
}

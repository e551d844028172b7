import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';

/** RTP within the RTSP connection, to UDP ports of this box, or to a multicast group. */
export type Transport = 'tcp' | 'udp' | 'multicast';

/** MediaMTX's names. */
export const TRANSPORT_NAME = { tcp: 'TCP', udp: 'UDP', multicast: 'UDP-multicast' } as const;

/** TCP loses nothing; multicast needs switches that support it. */
const ORDER: readonly Transport[] = ['tcp', 'udp', 'multicast'];
/** After this long a reconnect tries TCP first again: the camera's settings may have changed. */
const REMEMBER_MS = 3_600_000;

/** The camera does not send by this transport; another may work. `cause` has the reason for the user. */
export class TransportRefused extends Error {
  override readonly name = 'TransportRefused';
  override readonly cause: PerchError;
  /** A track is set up: a retry needs another connection. */
  readonly hasBegun: boolean;

  constructor(cause: PerchError, hasBegun: boolean) {
    super(cause.message);
    this.cause = cause;
    this.hasBegun = hasBegun;
  }
}

/** The transports that a source tries, and the one that has worked with the camera. */
export class TransportChoice {
  readonly #wanted: Transport | 'automatic';
  readonly #clock: Clock;
  #learnt: Transport | undefined;
  #learntAtMs = 0;

  constructor(wanted: Transport | 'automatic', clock: Clock) {
    this.#wanted = wanted;
    this.#clock = clock;
  }

  /**
   * The transports to try, best first.
   * @param isTunnelled the connection is encrypted or goes through a tunnel: media stay in it
   * @param maySecure SRTP may still go outside the connection, if the configuration asks for that
   */
  transports(isTunnelled: boolean, maySecure = false): readonly Transport[] {
    if (isTunnelled) {
      const isAsked = maySecure && (this.#wanted === 'udp' || this.#wanted === 'multicast');
      return isAsked ? [this.#wanted, 'tcp'] : ['tcp'];
    }
    if (this.#wanted !== 'automatic') {
      return [this.#wanted];
    }
    const learnt = this.#learnt;
    if (learnt === undefined || this.#clock.monoMs() - this.#learntAtMs >= REMEMBER_MS) {
      return ORDER;
    }
    return [learnt, ...ORDER.filter((transport) => transport !== learnt)];
  }

  /** Called when media has arrived by this transport, which is then tried first for an hour. */
  worked(transport: Transport): void {
    // The hour is not extended, or a camera that reconnects every half hour would never be tried with TCP again.
    if (this.#learnt !== transport || this.#clock.monoMs() - this.#learntAtMs >= REMEMBER_MS) {
      this.#learnt = transport;
      this.#learntAtMs = this.#clock.monoMs();
    }
  }

  failed(transport: Transport): void {
    if (this.#learnt === transport) {
      this.#learnt = undefined;
    }
  }
}

/** The transports of one connection attempt, in turn. */
export class TransportAttempts {
  readonly #transports: readonly Transport[];
  readonly #refusals: (readonly [Transport, PerchError])[] = [];

  constructor(transports: readonly Transport[]) {
    this.#transports = transports;
  }

  /** The transport to try, or undefined if none is left. */
  get transport(): Transport | undefined {
    return this.#transports[this.#refusals.length];
  }

  get isOnlyOne(): boolean {
    return this.#transports.length === 1;
  }

  /** Whether the transport has not been tried yet. */
  isLeft(transport: Transport): boolean {
    return this.#transports.includes(transport, this.#refusals.length + 1);
  }

  /** Called when the present transport does not work. */
  refuse(cause: PerchError): void {
    if (this.transport !== undefined) {
      this.#refusals.push([this.transport, cause]);
    }
  }

  /** The error when no transport is left. @param name of the path */
  failure(name: string): PerchError {
    const [only, ...others] = this.#refusals;
    if (only && others.length === 0) {
      return only[1];
    }
    const reasons = this.#refusals.map(([transport, cause]) => `${TRANSPORT_NAME[transport]}: ${explain(cause)}`);
    const message = `camera of path '${name}' accepts no transport (${reasons.join('; ')})`;
    return new PerchError('unsupported', message, { path: name });
  }
}

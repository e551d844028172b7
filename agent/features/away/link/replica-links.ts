import { createPublicKey, type KeyObject } from 'node:crypto';
import {
  isOrderSigned,
  isPinProven,
  MAX_ORDER_S,
  type OrderClaims,
  readDialOrder,
} from '../../../auth/pairing/dial-order.ts';
import type { TrustedFleet } from '../../../auth/pairing/linked-boxes.ts';
import { PerchError } from '../../../base/errors.ts';
import { serveBoxEnd } from './link-session.ts';
import type { LinkStream } from './link-stream.ts';
import { type CalledServer, openLink, type ServerLinkDeps } from './server-link.ts';

/** Tolerance for the time of an order, which is under way for some time. */
const EARLY_S = 5;
/** Orders of one fleet that are valid at the same time. */
const MAX_ORDERS = 60;

interface ReplicaDeps {
  /** What orders have to name. */
  now(): { readonly run: string; readonly timeS: number };
  /** Of the links of this box. */
  readonly link: () => ServerLinkDeps;
  /** The pairing of a server that this box calls. */
  called(server: string): CalledServer | undefined;
}

interface ReplicaLink {
  readonly server: string;
  readonly address: string;
  readonly stream: LinkStream;
  /** Ends the link unless the replica answers within 3 s. */
  check(): void;
}

interface Attempt {
  readonly server: string;
  readonly address: string;
  readonly stop: AbortController;
  readonly done: Promise<void>;
}

/**
 * Links to the replicas of fleets. Each is opened by an order that the fleet has signed, and lasts until the replica ends it. The replica
 * proves itself like any server that this box calls.
 */
export class ReplicaLinks {
  readonly #deps: ReplicaDeps;
  /** By the id of the server. */
  readonly #fleets = new Map<string, TrustedFleet>();
  readonly #open = new Set<ReplicaLink>();
  readonly #attempts = new Set<Attempt>();
  /** Expiry of the nonces of each server, in seconds of the box. */
  readonly #used = new Map<string, Map<string, number>>();

  constructor(deps: ReplicaDeps) {
    this.#deps = deps;
  }

  fleetOf(server: string): TrustedFleet | undefined {
    return this.#fleets.get(server);
  }

  /** Addresses of the open links. */
  addressesOf(server: string): string[] {
    return [...this.#open].filter((link) => link.server === server).map(({ address }) => address);
  }

  /** @param fleet undefined: no orders any more. Links to replicas that it does not name end. */
  trust(server: string, fleet: TrustedFleet | undefined): void {
    if (fleet) {
      this.#fleets.set(server, fleet);
    } else {
      this.#fleets.delete(server);
      this.#used.delete(server);
    }
    const isOver = (one: { readonly server: string; readonly address: string }): boolean =>
      one.server === server && !fleet?.replicas.some(({ address }) => address === one.address);
    for (const { stop } of [...this.#attempts].filter(isOver)) {
      stop.abort(new PerchError('unauthorized', 'the pairing with this fleet has ended', { why: 'unknown' }));
    }
    for (const link of [...this.#open].filter(isOver)) {
      this.#end(link);
    }
  }

  /** Dials the replica of an order. Resolves when the link is open. @throws PerchError */
  async obey(order: string): Promise<void> {
    const claims = this.#verify(order);
    const { sub: server, addr: address } = claims;
    const running = [...this.#attempts].find((one) => one.server === server && one.address === address);
    if (running) {
      return running.done;
    }
    const stop = new AbortController();
    const attempt = { server, address, stop, done: this.#dial(claims, stop.signal) };
    this.#attempts.add(attempt);
    try {
      await attempt.done;
    } finally {
      this.#attempts.delete(attempt);
    }
  }

  /** The network has changed: shows which links still pass. */
  check(): void {
    for (const link of this.#open) {
      link.check();
    }
  }

  async close(): Promise<void> {
    const attempts = [...this.#attempts];
    for (const { stop } of attempts) {
      stop.abort(new PerchError('unavailable', 'this box stops'));
    }
    await Promise.allSettled(attempts.map(({ done }) => done));
    for (const link of this.#open) {
      this.#end(link);
    }
  }

  #end(link: ReplicaLink): void {
    this.#open.delete(link);
    link.stream.destroy();
  }

  /** @throws PerchError */
  #verify(order: string): OrderClaims {
    const claims = readDialOrder(order);
    const { aud, sub, addr, run, iat, exp, jti } = claims;
    const now = this.#deps.now();
    if (aud !== this.#deps.link().identity.box) {
      throw refusal('box', 'the order is for another box');
    }
    const fleet = this.#fleets.get(sub);
    if (!fleet) {
      throw refusal('unknown', 'this box does not belong to that fleet');
    }
    if (!isOrderSigned(order, publicKeyOf(fleet.key))) {
      throw refusal('signature', 'the fleet has not signed the order');
    }
    if (run !== now.run) {
      throw refusal('run', 'the order is for an earlier run of this box');
    }
    if (iat > now.timeS + EARLY_S || exp <= now.timeS || exp <= iat || exp - iat > MAX_ORDER_S) {
      throw refusal('expired', `the order is not valid now: this box has ${now.timeS}`);
    }
    if (!fleet.replicas.some(({ address }) => address === addr)) {
      throw refusal('address', 'the order names an address that is not among the hosts of the fleet');
    }
    this.#use(sub, jti, exp, now.timeS);
    return claims;
  }

  /** @throws PerchError for a nonce that was used, or too many orders */
  #use(server: string, nonce: string, expiresS: number, nowS: number): void {
    const used = this.#used.get(server) ?? new Map<string, number>();
    this.#used.set(server, used);
    for (const [old, untilS] of used) {
      if (untilS <= nowS) {
        used.delete(old);
      }
    }
    if (used.has(nonce)) {
      throw refusal('replayed', 'the order was sent before');
    }
    if (used.size >= MAX_ORDERS) {
      const message = `more than ${MAX_ORDERS} orders of this fleet within ${MAX_ORDER_S} s`;
      throw new PerchError('exhausted', message, { retryAfterS: MAX_ORDER_S });
    }
    used.set(nonce, expiresS);
  }

  async #dial(claims: OrderClaims, signal: AbortSignal): Promise<void> {
    const { sub: server, addr: address } = claims;
    const deps = this.#deps.link();
    const called = this.#deps.called(server);
    if (!called) {
      throw refusal('unknown', 'this box does not call that server any more');
    }
    if (claims.pin !== undefined && !isPinProven(claims, publicKeyOf(called.key))) {
      throw refusal('pin', 'the server has not named the certificate in the order');
    }
    const learnt = this.#fleets.get(server)?.replicas.find((one) => one.address === address)?.pin;
    const pin = learnt ?? claims.pin ?? called.pin;
    const { stream } = await openLink({ ...called, addresses: [address], pin }, deps, signal);
    if (signal.aborted) {
      stream.destroy();
      throw signal.reason;
    }
    const former = [...this.#open].find((one) => one.server === server && one.address === address);
    if (former) {
      this.#end(former);
    }
    const { check } = serveBoxEnd(stream, deps.clock, (socket) => deps.serve(socket, server));
    const link = { server, address, stream, check };
    this.#open.add(link);
    deps.log.info({ server, address }, 'connected to a server by order of its fleet');
    stream.once('close', () => {
      this.#open.delete(link);
      deps.log.info({ server, address }, 'connection by order of a fleet has ended');
    });
    if (stream.destroyed) {
      this.#open.delete(link);
      throw new PerchError('unavailable', `${address}: the connection has ended`);
    }
  }
}

const publicKeyOf = (x: string): KeyObject =>
  createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });

const refusal = (why: string, message: string): PerchError => new PerchError('unauthorized', message, { why });

import type { KeyObject } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { LinkedBoxes } from '../../../auth/pairing/linked-boxes.ts';
import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import { subscriberOf } from '../../../base/network/ip-address.ts';
import { acceptWebSocket } from '../../../http/listener/accept-web-socket.ts';
import { letIn } from '../../../http/listener/pre-login.ts';
import { WebSocketChannel } from '../../../media/websocket/channel.ts';
import { privateKeyOf } from '../keys/away-file.ts';
import type { ServerInvitations } from '../keys/server-invitations.ts';
import { ServerEnd } from './link-session.ts';
import { LinkStream, readLine } from './link-stream.ts';
import {
  type Hello,
  isProven,
  type LinkFacts,
  newNonce,
  prove,
  readHello,
  writeChallenge,
  writeRefusal,
  writeWelcome,
} from './proof.ts';

const PROOF_MS = 10_000;
/** Connections whose box has not proven itself: a further one ends the oldest of the address that holds most. */
export const MAX_UNPROVEN = 200;
/** A household or a company behind one address: a further one ends its oldest. */
export const MAX_UNPROVEN_OF_ADDRESS = 50;
/** Links of one box that are accepted per minute: each costs a write of `boxes.json` and lines of the log. */
const MAX_LINKS_PER_MINUTE = 10;
const MINUTE_MS = 60_000;

interface BoxCallsDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly boxLinks: LinkedBoxes;
  /** Each gives the key of the server for the box that redeems it. */
  readonly invitations: ServerInvitations;
}

interface Caller {
  readonly ip: string;
  readonly isPrivate: boolean;
}

/** The server's side: takes the connections of boxes, and lets a box in that proves itself. */
export class BoxCalls {
  readonly #deps: BoxCallsDeps;
  /** Connections without a proof, oldest first, with their subscribers. */
  readonly #unproven = new Map<LinkStream, string>();
  readonly #open = new Set<LinkStream>();
  /** Monotonic times of the links of the last minute, by box. */
  readonly #accepted = new Map<string, readonly number[]>();
  #rejected = 0;
  /** Monotonic time of the last line about rejected connections. */
  #saidMs = Number.NEGATIVE_INFINITY;

  constructor(deps: BoxCallsDeps) {
    this.#deps = deps;
  }

  /** Number of connections whose box has not proven itself. */
  get unproven(): number {
    return this.#unproven.size;
  }

  /** Answers a request for a WebSocket. @throws PerchError badInput */
  take(request: FastifyRequest, reply: FastifyReply, caller: Caller): void {
    const { socket } = request.raw;
    const channel = acceptWebSocket(request, reply);
    if (channel) {
      const stream = new LinkStream(new WebSocketChannel(channel, undefined), socket);
      channel.start();
      void this.serve(stream, caller, () => letIn(request, true));
    }
  }

  /** Resolves when the box has proven itself, or the connection has ended. @param letInNow called with the proof */
  async serve(stream: LinkStream, caller: Caller, letInNow: () => void = () => {}): Promise<void> {
    const { clock, log, boxLinks } = this.#deps;
    const subscriber = subscriberOf(caller.ip);
    this.#makeRoom(subscriber);
    this.#unproven.set(stream, subscriber);
    this.#open.add(stream);
    stream.once('close', () => {
      this.#unproven.delete(stream);
      this.#open.delete(stream);
    });
    const over = new AbortController();
    const late = clock.sleep(PROOF_MS, over.signal).then(() => {
      if (this.#unproven.has(stream)) {
        stream.destroy();
      }
    });
    try {
      const { hello, isNew } = await this.#letIn(stream, caller);
      letInNow();
      this.#unproven.delete(stream);
      if (boxLinks.pairings?.find(hello.box)?.server !== hello.server) {
        // Removed since: the box learns it with its next link.
        stream.destroy();
        return;
      }
      const end = new ServerEnd(stream, clock);
      const ended = boxLinks.connected(hello.box, end);
      stream.once('close', ended);
      if (stream.destroyed) {
        ended();
      }
      log.info({ box: hello.box, remote: stream.remote }, 'box has connected to this server');
      if (isNew) {
        await boxLinks.pairings?.showCameras(hello.box).catch((error: unknown) => {
          log.warn({ box: hello.box, cause: explain(error) }, 'cameras of a box that has connected cannot be added');
        });
      }
    } catch (error) {
      if (!(error instanceof PerchError)) {
        log.error({ err: error, ip: caller.ip }, 'connection of a box failed');
      } else if (!stream.destroyed) {
        this.#sayRejected(error, caller);
      }
      this.#refuse(stream, error);
    } finally {
      over.abort();
      await late;
    }
  }

  close(): void {
    for (const stream of this.#open) {
      stream.destroy();
    }
  }

  /** A box answers at once, so the oldest is a stranger. The newest is never refused: it may be the box. */
  #makeRoom(subscriber: string): void {
    const held = new Map<string, number>();
    for (const one of this.#unproven.values()) {
      held.set(one, (held.get(one) ?? 0) + 1);
    }
    let full = (held.get(subscriber) ?? 0) >= MAX_UNPROVEN_OF_ADDRESS ? subscriber : undefined;
    if (full === undefined && this.#unproven.size >= MAX_UNPROVEN) {
      [full] = [...held].reduce((most, one) => (one[1] > most[1] ? one : most));
    }
    for (const [stream, one] of this.#unproven) {
      if (one === full) {
        this.#unproven.delete(stream);
        stream.destroy();
        return;
      }
    }
  }

  /** One line a minute, because strangers set its pace. */
  #sayRejected(error: PerchError, { ip }: Caller): void {
    const { clock, log } = this.#deps;
    this.#rejected += 1;
    if (clock.monoMs() - this.#saidMs >= MINUTE_MS) {
      log.info({ cause: explain(error), ip, count: this.#rejected }, 'connection of a box rejected');
      this.#saidMs = clock.monoMs();
      this.#rejected = 0;
    }
  }

  /** @throws PerchError: this box has connected too often. Called after its proof, so only boxes of this server are counted */
  #countLink(box: string): void {
    const nowMs = this.#deps.clock.monoMs();
    for (const [one, times] of this.#accepted) {
      if (nowMs - (times.at(-1) ?? nowMs) >= MINUTE_MS) {
        this.#accepted.delete(one);
      }
    }
    const recent = (this.#accepted.get(box) ?? []).filter((ms) => nowMs - ms < MINUTE_MS);
    if (recent.length >= MAX_LINKS_PER_MINUTE) {
      throw refusal('often', `this box has connected ${MAX_LINKS_PER_MINUTE} times within a minute`);
    }
    this.#accepted.set(box, [...recent, nowMs]);
  }

  #refuse(stream: LinkStream, error: unknown): void {
    if (stream.destroyed || !this.#unproven.has(stream)) {
      return;
    }
    const { message, context } = error instanceof PerchError ? error : new PerchError('unavailable', 'internal error');
    const { why, removal } = context;
    stream.end(
      writeRefusal(message, typeof why === 'string' ? why : 'form', typeof removal === 'string' ? removal : undefined),
    );
    stream.resume();
  }

  /** @throws PerchError */
  async #letIn(stream: LinkStream, caller: Caller): Promise<{ readonly hello: Hello; readonly isNew: boolean }> {
    const serverNonce = newNonce();
    stream.write(writeChallenge(serverNonce));
    const hello = readHello(await readLine(stream, new AbortController().signal));
    const { box, server, key: boxKey, nonce: boxNonce } = hello;
    const factsFor = (serverKey: string) => ({ serverNonce, boxNonce, box, server, boxKey, serverKey });
    const check = ({ key }: { readonly key: string }): void => {
      if (!isProven('box', factsFor(key), hello.proof)) {
        throw refusal('proof', 'the proof of the box is wrong');
      }
      this.#countLink(box);
    };
    const { key, privateKey, pair } = this.#keysFor(hello, caller, factsFor, check);
    await pair?.();
    stream.write(writeWelcome(prove('server', factsFor(key), privateKey)));
    return { hello, isNew: pair !== undefined };
  }

  /** @param check of the proof @throws PerchError unauthorized: the box is not paired, or its invitation is not valid */
  #keysFor(
    { box, server, key: boxKey, secret, name = 'Perch' }: Hello,
    caller: Caller,
    factsFor: (serverKey: string) => LinkFacts,
    check: (keys: { readonly key: string }) => void,
  ): { readonly key: string; readonly privateKey: KeyObject; readonly pair?: () => Promise<void> } {
    const { boxLinks, invitations } = this.#deps;
    const { pairings } = boxLinks;
    if (!pairings) {
      throw refusal('unknown', 'this server shows no cameras of boxes');
    }
    if (secret !== undefined) {
      const keys = invitations.take(secret, caller, check);
      const pair = () => pairings.add({ ...keys, id: box, name, boxKey, server });
      return { key: keys.key, privateKey: privateKeyOf(keys), pair };
    }
    const pairing = pairings.find(box, server);
    const message = 'this server is not paired with the box any more: invite it again';
    if (!pairing || pairing.server !== server || pairing.boxKey !== boxKey) {
      throw refusal('unknown', message);
    }
    check(pairing);
    if (pairing.isRemoved) {
      const removal = prove('removed', factsFor(pairing.key), pairing.privateKey);
      throw new PerchError('unauthorized', message, { why: 'unknown', removal });
    }
    return { key: pairing.key, privateKey: pairing.privateKey };
  }
}

const refusal = (why: string, message: string): PerchError => new PerchError('unauthorized', message, { why });

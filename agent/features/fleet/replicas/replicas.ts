import type { FastifyInstance } from 'fastify';
import { putBounded } from '../../../base/bounded-map.ts';
import type { Clock } from '../../../base/clock.ts';
import { addCount } from '../../../base/count-map.ts';
import { PerchError } from '../../../base/errors.ts';
import type { DocumentCarrier } from '../../../base/files/document-carrier.ts';
import type { Logger } from '../../../base/log.ts';
import { isLoopbackIp, subscriberOf } from '../../../base/network/ip-address.ts';
import type { HttpAccess } from '../../../http/auth/access.ts';
import { carryOrigin, type RequestOrigin } from '../../../http/auth/request-origin.ts';
import { letIn } from '../../../http/listener/pre-login.ts';
import type { HeldElsewhere, Replicas } from '../../../protocols/contract.ts';
import { forward, ReplicaAgent } from './forward.ts';
import { MAX_ROWS, type Replica, Roster } from './roster.ts';
import { hasIssued, holderIn, readStamp, STAMP_HEADER, writeSecret, writeStamp } from './stamp.ts';

/** Requests that this server forwards at once: a low-latency player has two open. */
const MAX_FORWARDS = 512;
/** As many requests of one session may wait where it is. One client has at most a quarter of all. */
const MAX_OF_SESSION = 32;
/** A server that has ended is not asked for this long, after which its row is late. */
const GONE_MS = 150_000;

interface Judged {
  readonly origin: RequestOrigin;
}

type Held = Pick<HeldElsewhere, 'request' | 'reply' | 'target'> & Judged;

interface FleetReplicasOptions {
  readonly database: Pick<DocumentCarrier, 'putRows' | 'readRows' | 'removeRows'>;
  readonly address: () => string;
  readonly pin: () => string | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Sends requests to the server of the fleet that has their session, and answers those that others send. */
export class FleetReplicas {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #roster: Roster;
  readonly #agent = new ReplicaAgent(MAX_FORWARDS);
  /** Monotonic time until which a server is not asked, by name. */
  readonly #gone = new Map<string, number>();
  /** Requests that are being forwarded, by the secret of their session, and by client. */
  readonly #running = new Map<string, number>();
  #count = 0;
  /** Requests of other servers; true: this one inherits the session. */
  readonly #received = new WeakMap<object, boolean>();

  constructor(options: FleetReplicasOptions) {
    this.#clock = options.clock;
    this.#log = options.log;
    this.#roster = new Roster(options);
  }

  /** Resolves when other servers can find this one, if the database answers. */
  announce(): Promise<void> {
    return this.#roster.announce();
  }

  async close(): Promise<void> {
    this.#agent.destroy();
    await this.#roster.close();
  }

  /** Recognizes requests that another server has forwarded. */
  receive(app: FastifyInstance): void {
    app.addHook('onRequest', async (request, reply) => {
      const text = request.headers[STAMP_HEADER];
      if (text === undefined) {
        return undefined;
      }
      const { method, raw } = request;
      const target = raw.url ?? '';
      const isForwarded = (method === 'GET' || method === 'HEAD') && target.startsWith('/hls/');
      const stamp = isForwarded && readStamp(this.#roster, { method, target }, String(text), this.#clock.wallMs());
      if (!stamp) {
        const error = 'no other server of the fleet has sent this request to this one';
        return reply.code(421).header('Cache-Control', 'no-store').send({ status: 'error', error });
      }
      reply.header(STAMP_HEADER, this.#roster.name);
      this.#received.set(raw, stamp.inherits);
      carryOrigin(raw, stamp.origin);
      letIn(request, true);
      return undefined;
    });
  }

  /** @param access of the listener, which judges who the client is */
  at(access: Pick<HttpAccess, 'origin'>): Replicas {
    return {
      newSecret: (path) => (this.#roster.isAnnounced ? writeSecret(this.#roster, path) : undefined),
      mayAnswer: (secret) => this.#mayAnswer(holderIn(secret)),
      answer: (held) => this.#answer({ ...held, origin: access.origin(held.request) }),
    };
  }

  async #answer({ secrets, path, ...held }: HeldElsewhere & Judged): ReturnType<Replicas['answer']> {
    const { request } = held;
    for (const secret of secrets) {
      const name = holderIn(secret);
      const holder = name === undefined || name === this.#roster.name ? undefined : await this.#roster.find(name);
      if (holder && hasIssued(holder, secret, path)) {
        const inherits = this.#received.get(request.raw);
        // A forwarded request is never forwarded again.
        return inherits === undefined
          ? this.#send(holder, secret, held)
          : inherits
            ? this.#inherit(holder, secret)
            : undefined;
      }
    }
    return undefined;
  }

  #mayAnswer(holder = this.#roster.name): boolean {
    return holder !== this.#roster.name && !this.#isGone(holder) && !this.#roster.isLate(holder);
  }

  /** To the holder, or to its heir: of the servers that answer the one that started first, which all servers agree on. */
  async #send(holder: Replica, secret: string, held: Held): Promise<'answered' | { readonly inherited: string }> {
    if (await this.#ask(holder, secret, held, false)) {
      return 'answered';
    }
    for (const heir of await this.#roster.running()) {
      if (heir.name === this.#roster.name) {
        break;
      }
      if (heir.name !== holder.name && (await this.#ask(heir, secret, held, true))) {
        return 'answered';
      }
    }
    return this.#inherit(holder, secret);
  }

  #inherit(holder: Replica, secret: string): { readonly inherited: string } {
    this.#roster.keep(holder);
    return { inherited: secret };
  }

  /** @returns whether it has answered; false: it has ended @throws PerchError unavailable, exhausted, badInput */
  async #ask(replica: Replica, secret: string, held: Held, inherits: boolean): Promise<boolean> {
    const { name, address: server } = replica;
    if (this.#isGone(name)) {
      return false;
    }
    const { request, reply, target, origin } = held;
    const stamp = writeStamp(replica, { method: request.method, target }, origin, inherits, this.#clock.wallMs());
    const keys = isLoopbackIp(origin.ip) ? [secret] : [secret, subscriberOf(origin.ip)];
    try {
      const forwarded = { request, reply, target, stamp, clock: this.#clock };
      if (await this.#limited(keys, () => forward(this.#agent, replica, forwarded))) {
        return true;
      }
    } catch (error) {
      if (!(error instanceof PerchError && error.code === 'unavailable' && (await this.#roster.isLateNow(name)))) {
        throw error;
      }
    }
    putBounded(this.#gone, name, this.#clock.monoMs() + GONE_MS, MAX_ROWS);
    this.#log.info({ server }, 'a server of the fleet has ended: others go on with its HLS sessions');
    return false;
  }

  #isGone(name: string): boolean {
    const untilMs = this.#gone.get(name);
    return untilMs !== undefined && (this.#clock.monoMs() < untilMs || this.#roster.isLate(name));
  }

  /** @param keys secret and client @throws PerchError exhausted */
  async #limited<T>([secret = '', ...client]: readonly string[], work: () => Promise<T>): Promise<T> {
    const keys = [secret, ...client];
    const ofSession = this.#running.get(secret) ?? 0;
    const ofClient = this.#running.get(client[0] ?? '') ?? 0;
    if (this.#count >= MAX_FORWARDS || ofSession >= MAX_OF_SESSION || ofClient >= MAX_FORWARDS / 4) {
      const what = `${this.#count} requests, ${ofSession} of this session, ${ofClient} of this client`;
      throw new PerchError('exhausted', `${what} are with other servers of the fleet already`, { retryAfterS: 1 });
    }
    this.#count += 1;
    for (const key of keys) {
      addCount(this.#running, key, 1);
    }
    try {
      return await work();
    } finally {
      this.#count -= 1;
      for (const key of keys) {
        addCount(this.#running, key, -1);
      }
    }
  }
}

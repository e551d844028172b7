import { randomUUID } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { subscriberOf } from '../../../base/ip-address.ts';
import type { Stream, Viewer } from '../../../stream/stream.ts';
import type { HlsMuxer } from '../contracts/hls-muxer.ts';
import type { ChromiumCompat } from './chromium-compat.ts';
import { HLS_SESSION } from './session-kinds.ts';
import type { ViewerFacts, ViewerLog } from './viewer-log.ts';

/** Who asks for a stream. */
export interface Requester {
  /** What the session is to be called: a UUID. */
  readonly id?: string | undefined;
  readonly path: string;
  /** Without `?`, as it was sent. */
  readonly query: string;
  /** Canonical. */
  readonly ip: string;
  /** `address:port`, an IPv6 address in brackets. */
  readonly remoteAddr: string;
  readonly user: string;
  readonly userAgent: string;
}

/** A session as MediaMTX's API shows it. */
export interface HlsSessionItem {
  readonly id: string;
  /** RFC 3339. */
  readonly created: string;
  readonly remoteAddr: string;
  readonly path: string;
  readonly query: string;
  readonly user: string;
  readonly userAgent: string;
  readonly isCDN: boolean;
  readonly outboundBytes: number;
}

/** Each is a few hundred bytes; a box that serves more than this is none of ours. */
const MAX_SESSIONS = 4_000;
/** A household behind one address (of IPv6: in one network of 64 bits), or a proxy that does not say for whom it asks. */
const MAX_PER_ADDRESS = 1_000;
const RETRY_AFTER_S = 10;
/** A session ends when nothing has been asked in it for this long. */
const IDLE_MS = 30_000;
const CHECK_MS = 10_000;
/** Requests that one session may have waiting at a time: a player has one for each rendition, and one for the next part of each. */
const MAX_WAITING = 32;
/** Of what the API tells: nobody's query and program name are longer but to waste memory. */
const MAX_TEXT = 512;

/** One viewer, or a CDN that stands for many. */
export class HlsSession implements Viewer {
  readonly kind = HLS_SESSION;
  /** Shown to everybody, unlike the secret. */
  readonly id: string;
  readonly secret = randomUUID();
  readonly requester: Requester;
  readonly isCdn: boolean;
  /** Of which it was last asked for something; a CDN has one session for each. */
  muxer: HlsMuxer;
  readonly stream: Stream;
  readonly createdMs: number;
  outboundBytes = 0;
  /** Monotonic. */
  lastRequestMs: number;
  isEnded = false;
  /** ffmpeg's, see `lavf.ts`. */
  readonly knownInits = new Set<string>();
  /** Of a browser's own player, see `chromium-list.ts`. */
  chromium: ChromiumCompat | undefined;
  #waiting = 0;

  constructor(requester: Requester, muxer: HlsMuxer, stream: Stream, isCdn: boolean, clock: Clock) {
    // Copies: V8 has pieces of a text as views into it, and these are kept as long as the session.
    const { path, query, ip, remoteAddr, user, userAgent } = requester;
    this.id = requester.id ?? randomUUID();
    this.requester = {
      path: copyOf(path),
      query: copyOf(query),
      ip: copyOf(ip),
      remoteAddr,
      user: copyOf(user),
      userAgent: copyOf(userAgent),
    };
    this.muxer = muxer;
    this.stream = stream;
    this.isCdn = isCdn;
    this.createdMs = clock.wallMs();
    this.lastRequestMs = clock.monoMs();
  }

  /** Some of its requests wait: it is not idle. */
  get isWaiting(): boolean {
    return this.#waiting > 0;
  }

  /** @throws PerchError exhausted when too many of its requests wait: then nothing is begun */
  async waitFor(begin: () => Promise<void>): Promise<void> {
    // A CDN has one request for each playlist and part, however many ask it.
    if (this.#waiting >= MAX_WAITING && !this.isCdn) {
      const message = `${this.#waiting} requests of this session are waiting already, limit ${MAX_WAITING}`;
      throw new PerchError('exhausted', message, { retryAfterS: 1 });
    }
    this.#waiting += 1;
    try {
      await begin();
    } finally {
      this.#waiting -= 1;
    }
  }
}

/** All who watch over HLS, on all ports. */
export class HlsSessions {
  readonly #clock: Clock;
  readonly #log: ViewerLog;
  /** What is served, for the log. */
  readonly #protocol: string;
  readonly #bySecret = new Map<string, HlsSession>();
  readonly #cdns = new Map<HlsMuxer, HlsSession>();
  readonly #byAddress = new Map<string, number>();
  readonly #stopChecking: () => void;

  constructor(clock: Clock, log: ViewerLog, protocol: string) {
    this.#clock = clock;
    this.#log = log;
    this.#protocol = protocol;
    this.#stopChecking = clock.every(CHECK_MS, () => this.#endIdle());
  }

  get count(): number {
    return this.#bySecret.size;
  }

  /** @throws PerchError exhausted */
  open(requester: Requester, muxer: HlsMuxer, stream: Stream): HlsSession {
    const address = subscriberOf(requester.ip);
    const fromThere = this.#byAddress.get(address) ?? 0;
    refuseAbove(fromThere, MAX_PER_ADDRESS, `from ${address}`);
    refuseAbove(this.#bySecret.size, MAX_SESSIONS, 'in all');
    this.#byAddress.set(address, fromThere + 1);
    const session = new HlsSession(requester, muxer, stream, false, this.#clock);
    this.#bySecret.set(session.secret, session);
    this.#begin(session);
    return session;
  }

  /** The one that all of a CDN's requests for a muxer are. */
  ofCdn(requester: Requester, muxer: HlsMuxer, stream: Stream): HlsSession {
    const known = this.#cdns.get(muxer);
    if (known) {
      this.touch(known);
      return known;
    }
    const session = new HlsSession(requester, muxer, stream, true, this.#clock);
    this.#cdns.set(muxer, session);
    this.#begin(session);
    return session;
  }

  /** Whose secret this is, when it comes from the same address for the same path. Counts as a request. */
  find(secret: string, path: string, ip: string): HlsSession | undefined {
    const session = this.#bySecret.get(secret);
    if (session?.requester.path !== path || session.requester.ip !== ip) {
      return undefined;
    }
    this.touch(session);
    return session;
  }

  touch(session: HlsSession): void {
    session.lastRequestMs = this.#clock.monoMs();
  }

  list(): HlsSessionItem[] {
    return this.#all().map(({ id, createdMs, requester, isCdn, outboundBytes }) => {
      const { remoteAddr, path, query, user, userAgent } = requester;
      const created = new Date(createdMs).toISOString();
      return { id, created, remoteAddr, path, query, user, userAgent, isCDN: isCdn, outboundBytes };
    });
  }

  /** @returns false when there is none of this id */
  kick(id: string): boolean {
    const session = this.#all().find((other) => other.id === id);
    if (session) {
      this.#end(session, 'ended by the API');
    }
    return session !== undefined;
  }

  /** A muxer is gone: nothing of it is served any more. @param reason for the log */
  endOf(muxer: HlsMuxer, reason: string): void {
    for (const session of this.#all()) {
      if (session.muxer === muxer) {
        this.#end(session, reason);
      }
    }
  }

  close(): void {
    this.#stopChecking();
    for (const session of this.#all()) {
      this.#end(session, 'the server is closing');
    }
    this.#log.close();
  }

  #all(): HlsSession[] {
    return [...this.#bySecret.values(), ...this.#cdns.values()];
  }

  #endIdle(): void {
    const nowMs = this.#clock.monoMs();
    for (const session of this.#all()) {
      if (!session.isWaiting && nowMs - session.lastRequestMs >= IDLE_MS) {
        this.#end(session, `nothing was asked for in ${IDLE_MS / 1000} s`);
      }
    }
  }

  #begin(session: HlsSession): void {
    session.stream.viewers.add(session);
    session.stream.beginRecipient(session, session.requester.query);
    this.#log.opened(this.#factsOf(session));
  }

  #factsOf({ id, requester, isCdn }: HlsSession): ViewerFacts {
    const { path, remoteAddr: remote, user } = requester;
    return { path, session: id, remote, user: isCdn ? '' : user, protocol: this.#protocol };
  }

  #end(session: HlsSession, reason: string): void {
    if (session.isEnded) {
      return;
    }
    session.isEnded = true;
    session.stream.viewers.delete(session);
    session.stream.endRecipient(session);
    this.#log.ended(this.#factsOf(session), reason, session.outboundBytes);
    if (session.isCdn) {
      this.#cdns.delete(session.muxer);
      return;
    }
    this.#bySecret.delete(session.secret);
    const address = subscriberOf(session.requester.ip);
    const left = (this.#byAddress.get(address) ?? 1) - 1;
    if (left > 0) {
      this.#byAddress.set(address, left);
    } else {
      this.#byAddress.delete(address);
    }
  }
}

const copyOf = (text: string): string => Buffer.from(text.slice(0, MAX_TEXT)).toString();

function refuseAbove(count: number, limit: number, which: string): void {
  if (count >= limit) {
    const message = `too many HLS sessions: ${count} ${which}, limit ${limit}`;
    throw new PerchError('exhausted', message, { retryAfterS: RETRY_AFTER_S });
  }
}

import { randomUUID } from 'node:crypto';
import { putBounded } from '../../../base/bounded-map.ts';
import type { Clock } from '../../../base/clock.ts';
import { addCount } from '../../../base/count-map.ts';
import { PerchError } from '../../../base/errors.ts';
import { subscriberOf } from '../../../base/network/ip-address.ts';
import type { Stream, Viewer, Watcher } from '../../../stream/stream.ts';
import type { HlsMuxer } from '../contracts/hls-muxer.ts';
import type { ChromiumCompat } from './chromium-compat.ts';
import { NO_RENUMBERING, type Renumbering } from './renumbering.ts';
import { HLS_SESSION, type HlsSessionItem } from './session-kinds.ts';
import type { ViewerFacts, ViewerLog } from './viewer-log.ts';

/** The client of a session. */
export interface Requester {
  /** A UUID for the session. */
  readonly id?: string | undefined;
  readonly path: string;
  /** Query without `?`. */
  readonly query: string;
  /** Canonical IP address. */
  readonly ip: string;
  /** `address:port`, an IPv6 address in brackets. */
  readonly remoteAddr: string;
  readonly user: string;
  readonly userAgent: string;
}

/** A session takes a few hundred bytes. */
const MAX_SESSIONS = 4_000;
const RETRY_AFTER_S = 10;
/** Without a request for this long a session ends. */
const IDLE_MS = 30_000;
/** A player that was paused continues within this time after its last request. */
const FORMER_MS = 3_600_000;
const CHECK_MS = 10_000;
/** Waiting requests of one session: a player has one per rendition, and one for the next part of each. */
const MAX_WAITING = 32;
/** Addresses of one player: those of a carrier's NAT, IPv4 and IPv6. Beyond that the oldest has to be authorized again. */
const MAX_ADDRESSES = 16;

/** What a session has from the one that its player had before. */
export type FormerSession = Pick<HlsSession, 'secret' | 'renumbering'>;

/** One viewer, or a CDN on behalf of many. */
export class HlsSession implements Viewer {
  readonly kind = HLS_SESSION;
  /** Public, unlike the secret. */
  readonly id: string;
  readonly secret: string;
  readonly requester: Requester;
  readonly isCdn: boolean;
  /** As counted when it began. */
  readonly subscriber: string;
  /** Muxer of the latest request; a CDN has one session per muxer. */
  muxer: HlsMuxer;
  readonly stream: Stream;
  readonly createdMs: number;
  outboundBytes = 0;
  /** Monotonic time of the last request. */
  lastRequestMs: number;
  isEnded = false;
  /** Init segments that ffmpeg has read. */
  readonly knownInits = new Set<string>();
  /** Playlists for Chromium's own player, or undefined for another player. */
  chromium: ChromiumCompat | undefined;
  readonly renumbering: Renumbering;
  /** Addresses from which its player was authorized. */
  readonly #addresses = new Set<string>();
  #waiting = 0;

  /** @param former the player's session with the stream before, whose secret continues */
  constructor(
    requester: Requester,
    muxer: HlsMuxer,
    stream: Stream,
    isCdn: boolean,
    clock: Clock,
    former?: FormerSession,
  ) {
    // Copies: V8 substrings keep their whole text alive, and these live as long as the session.
    const { path, query, ip, remoteAddr, user, userAgent } = requester;
    this.id = requester.id ?? randomUUID();
    this.secret = former?.secret ?? randomUUID();
    this.renumbering = former?.renumbering ?? NO_RENUMBERING;
    this.admit(ip);
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
    this.subscriber = subscriberOf(this.requester.ip);
    this.createdMs = clock.wallMs();
    this.lastRequestMs = clock.monoMs();
  }

  get watcher(): Watcher {
    return this.requester;
  }

  /** Remembers an authorized address. */
  admit(ip: string): void {
    this.#addresses.delete(ip);
    this.#addresses.add(copyOf(ip));
    if (this.#addresses.size > MAX_ADDRESSES) {
      const [oldest = ''] = this.#addresses;
      this.#addresses.delete(oldest);
    }
  }

  /** Whether a request from this address needs no authorization. */
  isOpenTo(ip: string): boolean {
    return !this.isEnded && this.#addresses.has(ip);
  }

  /** Whether requests wait: the session is not idle. */
  get isWaiting(): boolean {
    return this.#waiting > 0;
  }

  /** @throws PerchError exhausted if too many of its requests wait; `begin` is not called then */
  async waitFor(begin: () => Promise<void>): Promise<void> {
    // A CDN sends one request per playlist and part for all its viewers.
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

/** All HLS sessions, on all ports. */
export class HlsSessions {
  readonly #clock: Clock;
  readonly #log: ViewerLog;
  /** Name of the protocol, for the log. */
  readonly #protocol: string;
  readonly #bySecret = new Map<string, HlsSession>();
  readonly #cdns = new Map<HlsMuxer, HlsSession>();
  /** Sessions that were idle, or whose stream has ended, by secret: their players may continue. */
  readonly #former = new Map<string, HlsSession>();
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

  /** @param former continues with its secret @throws PerchError exhausted */
  open(requester: Requester, muxer: HlsMuxer, stream: Stream, former?: FormerSession): HlsSession {
    const known = former && this.#bySecret.get(former.secret);
    if (known) {
      return known;
    }
    const address = subscriberOf(requester.ip);
    const fromThere = this.#byAddress.get(address) ?? 0;
    // Enough for a household, or a proxy that hides its clients.
    refuseAbove(fromThere, 1_000, `from ${address}`);
    refuseAbove(this.#bySecret.size, MAX_SESSIONS, 'in all');
    const session = new HlsSession(requester, muxer, stream, false, this.#clock, former);
    addCount(this.#byAddress, session.subscriber, 1);
    this.#former.delete(session.secret);
    this.#bySecret.set(session.secret, session);
    this.#begin(session);
    return session;
  }

  /** A CDN has one session per muxer. */
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

  /** The path's session with this secret, also one that its player may continue. Counts as a request. */
  find(secret: string, path: string): HlsSession | undefined {
    const session = this.#bySecret.get(secret) ?? this.#former.get(secret);
    if (session?.requester.path !== path) {
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

  /** @param reason for the log @returns whether the session existed */
  kick(id: string, reason = 'ended through the API'): boolean {
    const session = [...this.#all(), ...this.#former.values()].find((other) => other.id === id);
    if (session) {
      this.#end(session, reason);
      this.#former.delete(session.secret);
    }
    return session !== undefined;
  }

  /** Ends all sessions of a closed muxer. @param reason for the log */
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
    this.#former.clear();
    this.#log.close();
  }

  #all(): HlsSession[] {
    return [...this.#bySecret.values(), ...this.#cdns.values()];
  }

  #endIdle(): void {
    const nowMs = this.#clock.monoMs();
    for (const session of this.#all()) {
      if (!session.isWaiting && nowMs - session.lastRequestMs >= IDLE_MS) {
        this.#end(session, `no request for ${IDLE_MS / 1000} s`);
      }
    }
    for (const session of this.#former.values()) {
      if (!session.isWaiting && nowMs - session.lastRequestMs >= FORMER_MS) {
        this.#former.delete(session.secret);
      }
    }
  }

  #begin(session: HlsSession): void {
    session.stream.viewers.add(session);
    session.stream.recipients.begin(session, session.requester.query);
    this.#log.opened(this.#factsOf(session));
  }

  #factsOf({ id, requester, isCdn }: HlsSession): ViewerFacts {
    const { path, remoteAddr: remote, user } = requester;
    return { path, session: id, remote, user: isCdn ? '' : user, protocol: this.#protocol };
  }

  /** Its player may continue, as `admit` decides. */
  #end(session: HlsSession, reason: string): void {
    if (session.isEnded) {
      return;
    }
    session.isEnded = true;
    session.stream.viewers.delete(session);
    session.stream.recipients.end(session);
    this.#log.ended(this.#factsOf(session), reason, session.outboundBytes);
    if (session.isCdn) {
      this.#cdns.delete(session.muxer);
      return;
    }
    this.#bySecret.delete(session.secret);
    putBounded(this.#former, session.secret, session, MAX_SESSIONS);
    addCount(this.#byAddress, session.subscriber, -1);
  }
}

// Characters kept of each text for the API.
const copyOf = (text: string): string => Buffer.from(text.slice(0, 512)).toString();

function refuseAbove(count: number, limit: number, which: string): void {
  if (count >= limit) {
    const message = `too many HLS sessions: ${count} ${which}, limit ${limit}`;
    throw new PerchError('exhausted', message, { retryAfterS: RETRY_AFTER_S });
  }
}

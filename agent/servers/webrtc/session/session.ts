import { randomUUID } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import { endpointOf } from '../../../base/ip-address.ts';
import type { Logger } from '../../../base/log.ts';
import type { DtlsEvents, DtlsIdentity, DtlsPeer } from '../dtls/dtls.ts';
import type { RemoteSide } from '../sdp/offer.ts';
import { Srtcp } from '../srtp/srtcp.ts';
import type { SrtpKeys } from '../srtp/srtp-keys.ts';
import type { HostAddress } from '../transport/candidates.ts';
import { type IceCredentials, IceLite, makeCredentials } from '../transport/ice-lite.ts';
import type { PacketSlots } from '../transport/packet-slots.ts';
import type { PeerBook } from '../transport/peer-book.ts';
import { addressOf, type Peer, type Route } from '../transport/route.ts';
import type { BindingRequest } from '../transport/stun.ts';
import type { SecureLink, SessionEnd, SessionMedia } from './session-media.ts';

/** Browsers check every two to three seconds: after this long without a check the peer is gone. */
const LIVENESS_LIMIT_MS = 15_000;
/** From the browser's first DTLS packet on; a healthy handshake takes less than half a second. */
const DTLS_LIMIT_MS = 5_000;
/** A browser whose TCP connection has broken tries for five seconds to make another: a tab that was closed does not. */
const ROUTELESS_LIMIT_MS = 5_000;
/** In which browsers find the best of their ways. */
const SETTLING_MS = 5_000;
/** A phone has a handful of addresses, and so have we; the oldest is forgotten. */
const MAX_ROUTES = 32;

/** Who made the request that the session comes from. */
export interface Requester {
  /** What the session is to be called: a UUID. */
  readonly id?: string | undefined;
  readonly path: string;
  /** Without `?`. */
  readonly query: string;
  /** Of the HTTP request, `address:port`. */
  readonly remoteAddr: string;
  readonly userAgent: string;
  readonly user: string;
  /** A path with the same pictures in small, for a viewer whose network does not take the stream: he has been found to be allowed to read it. */
  readonly fallback?: string | undefined;
}

/** Who the peer is, and what was agreed on with it. */
export interface SessionFacts {
  readonly id: string;
  readonly requester: Requester;
  readonly offer: RemoteSide;
  readonly media: SessionMedia;
  /** Where it was told to find us. */
  readonly addresses: readonly HostAddress[];
}

export interface SessionOptions extends SessionFacts {
  readonly handshakeTimeoutMs: number;
  /** The handshake has succeeded. */
  readonly onConnected: () => void;
  readonly onClosed: ClosedListener;
}

type ClosedListener = (session: WebRtcSession, reason: string, end: SessionEnd) => void;

/** What a session stands on. */
export interface SessionGround {
  readonly book: PeerBook;
  readonly slots: PacketSlots;
  readonly dtls: DtlsIdentity;
  readonly clock: Clock;
  /** Names the session. */
  readonly log: Logger;
  /** Whether a failure to connect from this address has to be told. */
  readonly isNews: (address: string) => boolean;
  /** The media ports in words. */
  readonly ports: string;
}

/** One peer, from the answer to the goodbye: ICE, DTLS, the keys. What flows is its media's affair. */
export class WebRtcSession implements Peer, SecureLink {
  readonly id: string;
  /** Whoever knows it may end the session: it stands in the Location of the answer only. */
  readonly secret = randomUUID();
  readonly requester: Requester;
  readonly offer: RemoteSide;
  readonly media: SessionMedia;
  readonly addresses: readonly HostAddress[];
  readonly createdWallMs: number;
  state: 'waiting' | 'handshake' | 'connected' | 'closed' = 'waiting';
  /** Everything that came from the peer, connectivity checks included. */
  inboundBytes = 0;
  inboundRtcpPackets = 0;
  outboundRtcpPackets = 0;
  outboundRtcpBytes = 0;
  readonly #ground: SessionGround;
  readonly #log: Logger;
  readonly #handshakeTimeoutMs: number;
  readonly #onEstablished: () => void;
  readonly #onClosed: ClosedListener;
  readonly #createdMs: number;
  /** Ways that have passed a check, oldest first. */
  readonly #routes = new Set<Route>();
  #route: Route | undefined;
  /** The newest credentials. */
  #ice: IceLite;
  /** Those that were used before ICE restarts: they hold until the newest are used. */
  #formerIce: IceLite | undefined;
  #dtls: DtlsPeer | undefined;
  #dtlsStartedMs = 0;
  /** Something has come to a media port that names this session. */
  #hasHeard = false;
  #lastCheckMs: number;
  #connectedMs = 0;
  /** Since when there has been no way to the peer; undefined: there is one, or never was. */
  #routelessSinceMs: number | undefined;
  #lastMoveMs = Number.NEGATIVE_INFINITY;
  #keys: SrtpKeys | undefined;
  #srtcp: Srtcp | undefined;

  constructor(options: SessionOptions, ground: SessionGround) {
    this.id = options.id;
    this.requester = options.requester;
    this.offer = options.offer;
    this.media = options.media;
    this.addresses = options.addresses;
    this.#ground = ground;
    this.#handshakeTimeoutMs = options.handshakeTimeoutMs;
    this.#onEstablished = options.onConnected;
    this.#onClosed = options.onClosed;
    this.#log = ground.log;
    this.createdWallMs = ground.clock.wallMs();
    this.#createdMs = ground.clock.monoMs();
    this.#lastCheckMs = this.#createdMs;
    this.#ice = new IceLite(makeCredentials(), options.offer.ufrag);
    ground.book.register(this.#ice.credentials.ufrag, this);
  }

  get credentials(): IceCredentials {
    return this.#ice.credentials;
  }

  /** The browser's half of the newest credentials. */
  get remoteUfrag(): string {
    return this.#ice.remoteUfrag;
  }

  /** Where the peer is, once a check has passed. */
  get remote(): Route | undefined {
    return this.#route;
  }

  get route(): Route {
    return this.#route as Route;
  }

  get keys(): SrtpKeys {
    return this.#keys as SrtpKeys;
  }

  get slots(): PacketSlots {
    return this.#ground.slots;
  }

  /** New credentials for a browser whose network has changed. The handshake's keys stay. */
  restartIce(remoteUfrag: string): IceCredentials {
    if (this.#formerIce) {
      // Those of a restart that has come to nothing.
      this.#ground.book.unregister(this.#ice.credentials.ufrag);
    } else {
      this.#formerIce = this.#ice;
    }
    this.#ice = new IceLite(makeCredentials(), remoteUfrag);
    this.#ground.book.register(this.#ice.credentials.ufrag, this);
    return this.#ice.credentials;
  }

  onCheck(datagram: Uint8Array, request: BindingRequest, from: Route): void {
    this.#hasHeard = true;
    const isNewest = this.#ice.isFor(request);
    const ice = isNewest ? this.#ice : this.#formerIce;
    const nowMs = this.#ground.clock.monoMs();
    const result = ice?.check(datagram, request, from, this.#routes.has(from), nowMs);
    if (!result) {
      return;
    }
    this.inboundBytes += datagram.length;
    from.send(result.answer, 0, result.answer.length);
    if (!result.passed) {
      return;
    }
    if (isNewest) {
      this.#dropFormerIce();
    }
    this.#lastCheckMs = nowMs;
    this.#admit(from);
    if (!this.#route || this.#routelessSinceMs !== undefined || result.nominated) {
      this.#moveTo(from);
    }
    this.#routelessSinceMs = undefined;
    if (this.offer.setup === 'passive') {
      // It waits for us to begin: from now on there is a way.
      this.#dtls ??= this.#startDtls();
    }
  }

  onDatagram(datagram: Buffer): void {
    try {
      this.#take(datagram);
    } catch (error) {
      this.#fail(error);
    }
  }

  onRouteClosed(route: Route): void {
    this.#routes.delete(route);
    if (this.#route !== route) {
      return;
    }
    const another = [...this.#routes].at(-1);
    if (another) {
      // It may do until the browser nominates one.
      this.#moveTo(another);
    } else {
      this.#routelessSinceMs = this.#ground.clock.monoMs();
    }
  }

  sendRtcp(compound: Uint8Array): number {
    const datagram = this.#srtcp?.protect(compound);
    if (!datagram || this.state !== 'connected') {
      return 0;
    }
    this.route.send(datagram, 0, datagram.length);
    this.outboundRtcpPackets += 1;
    this.outboundRtcpBytes += datagram.length;
    return datagram.length;
  }

  /** Called once a second. */
  tick(): void {
    try {
      this.#watch();
    } catch (error) {
      this.#fail(error);
    }
  }

  close(reason: string, end: SessionEnd = 'forNow'): void {
    if (this.state === 'closed') {
      return;
    }
    this.#end(reason, end);
    const { outboundBytes: sentBytes } = this.media.statistics;
    this.#log.info({ reason, sentBytes, receivedBytes: this.inboundBytes }, `WebRTC ${this.who} has left`);
  }

  #end(reason: string, end: SessionEnd): void {
    this.state = 'closed';
    this.media.close();
    this.#dtls?.close();
    this.#dropFormerIce();
    this.#ground.book.unregister(this.#ice.credentials.ufrag);
    for (const route of this.#routes) {
      route.close();
    }
    this.#routes.clear();
    this.#onClosed(this, reason, end);
  }

  /** For messages. */
  get who(): string {
    return this.media.who ?? (this.media.state === 'read' ? 'viewer' : 'publisher');
  }

  /** The peer has not come to the end of the handshake in time. */
  #giveUp(reason: string): void {
    this.#end(reason, 'forNow');
    const address = endpointOf(this.requester.remoteAddr).ip;
    const { isNews, ports } = this.#ground;
    const unheard = `no check reached ${ports} from ${address}`;
    const what = this.#hasHeard ? `checks came for ${address}, the handshake did not finish` : unheard;
    this.#log[isNews(address) ? 'warn' : 'debug'](
      { reason: what, detail: reason },
      `WebRTC ${this.who} never connected`,
    );
  }

  #take(datagram: Buffer): void {
    this.inboundBytes += datagram.length;
    // RFC 7983 §7: 20 to 63 is DTLS, 128 to 191 is RTP or RTCP; RFC 5761 §4 tells these two by the second byte.
    const first = datagram[0] ?? 0;
    const second = datagram[1] ?? 0;
    if (first >= 20 && first <= 63) {
      this.#dtls ??= this.#startDtls();
      this.#dtls.receive(datagram);
    } else if (this.state !== 'connected' || first >> 6 !== 2) {
      return;
    } else if (second >= 192 && second <= 223) {
      const compound = this.#srtcp?.unprotect(datagram);
      if (compound) {
        this.inboundRtcpPackets += 1;
        this.media.onRtcp(compound);
      }
    } else {
      this.media.onRtp(datagram);
    }
  }

  #watch(): void {
    const nowMs = this.#ground.clock.monoMs();
    if (this.state === 'connected') {
      this.media.tick();
    } else if (nowMs - this.#createdMs > this.#handshakeTimeoutMs) {
      this.#giveUp('deadline exceeded while waiting connection');
    } else if (this.state === 'handshake' && nowMs - this.#dtlsStartedMs > DTLS_LIMIT_MS) {
      const why = this.#dtls?.lastError ?? 'no answer';
      this.#giveUp(`DTLS handshake took more than ${DTLS_LIMIT_MS} ms: ${why}`);
    }
    if (this.#routelessSinceMs !== undefined && nowMs - this.#routelessSinceMs > ROUTELESS_LIMIT_MS) {
      this.close(`no way to the peer for ${ROUTELESS_LIMIT_MS} ms: its connection has ended`);
    } else if (this.state !== 'closed' && nowMs - this.#lastCheckMs > LIVENESS_LIMIT_MS) {
      const reason = `no connectivity check for ${LIVENESS_LIMIT_MS} ms`;
      this.state === 'connected' ? this.close(reason) : this.#giveUp(reason);
    }
  }

  /** One peer's fault is not the others'. */
  #fail(error: unknown): void {
    if (!(error instanceof PerchError)) {
      this.#log.error({ err: error }, 'fault in a WebRTC session');
    }
    this.close(explain(error));
  }

  #startDtls(): DtlsPeer {
    this.state = 'handshake';
    this.#dtlsStartedMs = this.#ground.clock.monoMs();
    const events: DtlsEvents = {
      send: (datagram) => this.#route?.send(datagram, 0, datagram.length),
      onConnected: (keys) => this.#onConnected(keys),
      onFailed: (reason) => this.close(explain(reason)),
      onClosed: () => this.close(`closed by the ${this.who}`, 'byPeer'),
    };
    const { dtls } = this.#ground;
    const { fingerprints, setup } = this.offer;
    return setup === 'passive' ? dtls.connect(fingerprints, events) : dtls.accept(fingerprints, events);
  }

  #onConnected(keys: SrtpKeys): void {
    if (this.state !== 'handshake' || !this.#route) {
      return;
    }
    this.state = 'connected';
    this.#connectedMs = this.#ground.clock.monoMs();
    this.#onEstablished();
    this.#keys = keys;
    this.#srtcp = new Srtcp(keys);
    const { protocol } = this.#route;
    this.#log.info({ remote: addressOf(this.#route), protocol }, `WebRTC ${this.who} is connected`);
    try {
      this.media.start(this);
    } catch (cause) {
      this.close(explain(cause));
    }
  }

  #admit(from: Route): void {
    if (this.#routes.has(from)) {
      return;
    }
    from.admit(this);
    this.#routes.add(from);
    for (const oldest of this.#routes) {
      if (this.#routes.size <= MAX_ROUTES) {
        break;
      }
      if (oldest !== this.#route) {
        this.#routes.delete(oldest);
        oldest.close();
      }
    }
  }

  #moveTo(to: Route): void {
    const nowMs = this.#ground.clock.monoMs();
    // A peer that moves to and fro does not fill the log.
    if (this.#route !== to && this.state === 'connected' && nowMs - this.#lastMoveMs > 1_000) {
      this.#lastMoveMs = nowMs;
      // A browser that has just come may still look for the best of its ways.
      const level = nowMs - this.#connectedMs < SETTLING_MS ? 'debug' : 'info';
      this.#log[level]({ remote: addressOf(to), protocol: to.protocol }, 'WebRTC peer has moved');
    }
    this.#route = to;
  }

  #dropFormerIce(): void {
    if (this.#formerIce) {
      this.#ground.book.unregister(this.#formerIce.credentials.ufrag);
      this.#formerIce = undefined;
    }
  }
}

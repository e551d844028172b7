import { randomUUID } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import { endpointOf } from '../../../base/network/ip-address.ts';
import type { DtlsEvents, DtlsIdentity, DtlsPeer } from '../../../transports/webrtc/dtls/dtls.ts';
import type { SecureLink, SessionEnd, SessionMedia } from '../../../transports/webrtc/link/session-media.ts';
import type { BindingRequest } from '../../../transports/webrtc/link/stun.ts';
import { addressOf, type Peer, type Transport } from '../../../transports/webrtc/link/transport.ts';
import type { IceCredentials } from '../../../transports/webrtc/sdp/lines.ts';
import type { RemoteSide } from '../../../transports/webrtc/sdp/offer.ts';
import { Srtcp } from '../../../transports/webrtc/srtp/srtcp.ts';
import type { SrtpKeys } from '../../../transports/webrtc/srtp/srtp-keys.ts';
import type { HostAddress } from '../transport/candidates.ts';
import { IceLite, makeCredentials } from '../transport/ice-lite.ts';
import type { UfragTable } from '../transport/ufrag-table.ts';

/** Browsers send checks every two to three seconds. */
const MAX_SILENCE_MS = 15_000;
/** Limit of the DTLS handshake from its first packet on. A normal one takes less than 0.5 s. */
const MAX_DTLS_MS = 5_000;
/** A browser retries a broken TCP connection for five seconds; a closed tab does not. */
const MAX_DISCONNECTED_MS = 5_000;
/** Browsers still select the best candidate pair during this time. */
const SETTLING_MS = 5_000;
/** A phone has a handful of addresses, and so has this box. The oldest transport is closed. */
const MAX_TRANSPORTS = 32;

export interface Requester {
  /** The session's UUID. */
  readonly id?: string | undefined;
  readonly path: string;
  /** Query without `?`. */
  readonly query: string;
  /** `address:port` of the HTTP request. */
  readonly remoteAddr: string;
  readonly userAgent: string;
  readonly user: string;
  /** A path with a smaller stream of the same video for slow networks. The viewer may read it. */
  readonly fallback?: string | undefined;
}

export interface SessionDescription {
  readonly id: string;
  readonly requester: Requester;
  readonly offer: RemoteSide;
  readonly media: SessionMedia;
  /** The candidates of the answer. */
  readonly addresses: readonly HostAddress[];
}

interface SessionOptions extends SessionDescription {
  readonly handshakeTimeoutMs: number;
  readonly onConnected: () => void;
  readonly onClosed: ClosedListener;
}

type ClosedListener = (session: WebRtcSession, reason: string, end: SessionEnd) => void;

export interface SessionContext {
  readonly ufrags: UfragTable;
  readonly dtls: DtlsIdentity;
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether a connection failure from this address is worth a warning. */
  readonly shouldWarn: (address: string) => boolean;
  /** The media ports, for messages. */
  readonly ports: string;
}

/** One peer: ICE, DTLS and keys. Its media is separate. */
export class WebRtcSession implements Peer, SecureLink {
  readonly id: string;
  /** Authorizes the end of the session; appears only in the answer's Location. */
  readonly secret = randomUUID();
  readonly requester: Requester;
  readonly offer: RemoteSide;
  readonly media: SessionMedia;
  readonly addresses: readonly HostAddress[];
  readonly createdWallMs: number;
  state: 'waiting' | 'handshake' | 'connected' | 'closed' = 'waiting';
  /** Inbound bytes include connectivity checks. */
  readonly counts = { inboundBytes: 0, inboundRtcpPackets: 0, outboundRtcpPackets: 0, outboundRtcpBytes: 0 };
  readonly #context: SessionContext;
  readonly #log: Logger;
  readonly #handshakeTimeoutMs: number;
  readonly #onEstablished: () => void;
  readonly #onClosed: ClosedListener;
  readonly #createdMs: number;
  /** Transports that passed a check, oldest first. */
  readonly #transports = new Set<Transport>();
  #transport: Transport | undefined;
  #ice: IceLite;
  /** Credentials from before an ICE restart: valid until the new ones are used. */
  #formerIce: IceLite | undefined;
  #dtls: DtlsPeer | undefined;
  /** A check for this session has reached a media port. */
  #hasHeard = false;
  #lastCheckMs: number;
  /** When the handshake or the connection began. */
  #stateSinceMs = 0;
  /** Undefined while connected, and before the first connection. */
  #disconnectedSinceMs: number | undefined;
  #lastMoveMs = Number.NEGATIVE_INFINITY;
  #secrets: { readonly keys: SrtpKeys; readonly srtcp: Srtcp } | undefined;

  constructor(options: SessionOptions, context: SessionContext) {
    this.id = options.id;
    this.requester = options.requester;
    this.offer = options.offer;
    this.media = options.media;
    this.addresses = options.addresses;
    this.#context = context;
    this.#handshakeTimeoutMs = options.handshakeTimeoutMs;
    this.#onEstablished = options.onConnected;
    this.#onClosed = options.onClosed;
    this.#log = context.log;
    this.createdWallMs = context.clock.wallMs();
    this.#createdMs = context.clock.monoMs();
    this.#lastCheckMs = this.#createdMs;
    this.#ice = new IceLite(makeCredentials(), options.offer.ufrag);
    context.ufrags.register(this.#ice.credentials.ufrag, this);
  }

  get credentials(): IceCredentials {
    return this.#ice.credentials;
  }

  get remoteUfrag(): string {
    return this.#ice.remoteUfrag;
  }

  /** The peer's current transport, once a check passed. */
  get remote(): Transport | undefined {
    return this.#transport;
  }

  get transport(): Transport {
    return this.#transport as Transport;
  }

  get keys(): SrtpKeys {
    return this.#secrets?.keys as SrtpKeys;
  }

  /** New credentials for a browser whose network changed. The DTLS keys stay. */
  restartIce(remoteUfrag: string): IceCredentials {
    if (this.#formerIce) {
      // The current credentials are those of an earlier restart that was not completed.
      this.#context.ufrags.unregister(this.#ice.credentials.ufrag);
    } else {
      this.#formerIce = this.#ice;
    }
    this.#ice = new IceLite(makeCredentials(), remoteUfrag);
    this.#context.ufrags.register(this.#ice.credentials.ufrag, this);
    return this.#ice.credentials;
  }

  onCheck(datagram: Uint8Array, request: BindingRequest, from: Transport): void {
    this.#hasHeard = true;
    const isNewest = this.#ice.isFor(request);
    const ice = isNewest ? this.#ice : this.#formerIce;
    const nowMs = this.#context.clock.monoMs();
    const result = ice?.check(datagram, request, from, this.#transports.has(from), nowMs);
    if (!result) {
      return;
    }
    this.counts.inboundBytes += datagram.length;
    from.send(result.answer, 0, result.answer.length);
    if (!result.passed) {
      return;
    }
    if (isNewest) {
      this.#dropFormerIce();
    }
    this.#lastCheckMs = nowMs;
    if (!result.nominated && !this.#dtls && !this.#transports.has(from)) {
      this.#askForNomination(request, from);
    }
    this.#admit(from);
    if (!this.#transport || this.#disconnectedSinceMs !== undefined || result.nominated) {
      this.#moveTo(from);
    }
    this.#disconnectedSinceMs = undefined;
    if (this.offer.setup === 'passive') {
      // The peer waits for our ClientHello.
      this.#dtls ??= this.#startDtls();
    }
  }

  #askForNomination(request: BindingRequest, from: Transport): void {
    const check = this.offer.password === '' ? undefined : this.#ice.triggeredCheck(request, this.offer.password);
    if (check) {
      from.send(check, 0, check.length);
    }
  }

  onDatagram(datagram: Buffer): void {
    try {
      this.#take(datagram);
    } catch (error) {
      this.#fail(error);
    }
  }

  onTransportClosed(transport: Transport): void {
    this.#transports.delete(transport);
    if (this.#transport !== transport) {
      return;
    }
    const another = [...this.#transports].at(-1);
    if (another) {
      // The other transport is used until the browser nominates one.
      this.#moveTo(another);
    } else {
      this.#disconnectedSinceMs = this.#context.clock.monoMs();
    }
  }

  sendRtcp(compound: Uint8Array): number {
    const datagram = this.#secrets?.srtcp.protect(compound);
    if (!datagram || this.state !== 'connected') {
      return 0;
    }
    this.transport.send(datagram, 0, datagram.length);
    this.counts.outboundRtcpPackets += 1;
    this.counts.outboundRtcpBytes += datagram.length;
    return datagram.length;
  }

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
    this.#log.info({ reason, sentBytes, receivedBytes: this.counts.inboundBytes }, `WebRTC ${this.role} has left`);
  }

  #end(reason: string, end: SessionEnd): void {
    this.state = 'closed';
    this.media.close();
    this.#dtls?.close();
    this.#dropFormerIce();
    this.#context.ufrags.unregister(this.#ice.credentials.ufrag);
    for (const transport of this.#transports) {
      transport.close();
    }
    this.#transports.clear();
    this.#onClosed(this, reason, end);
  }

  get role(): string {
    return this.media.role ?? (this.media.state === 'read' ? 'viewer' : 'publisher');
  }

  #failToConnect(reason: string): void {
    this.#end(reason, 'forNow');
    const address = endpointOf(this.requester.remoteAddr).ip;
    const { shouldWarn, ports } = this.#context;
    const unheard = `no check reached ${ports} from ${address}`;
    const what = this.#hasHeard ? `checks arrived from ${address}, the handshake did not finish` : unheard;
    this.#log[shouldWarn(address) ? 'warn' : 'debug'](
      { reason: what, detail: reason },
      `WebRTC ${this.role} never connected`,
    );
  }

  #take(datagram: Buffer): void {
    this.counts.inboundBytes += datagram.length;
    // RFC 7983 §7: 20 to 63 is DTLS, 128 to 191 RTP or RTCP, which RFC 5761 §4 tells apart by the second byte.
    const first = datagram[0] ?? 0;
    const second = datagram[1] ?? 0;
    if (first >= 20 && first <= 63) {
      this.#dtls ??= this.#startDtls();
      this.#dtls.receive(datagram);
    } else if (this.state !== 'connected' || first >> 6 !== 2) {
      return;
    } else if (second >= 192 && second <= 223) {
      const compound = this.#secrets?.srtcp.unprotect(datagram);
      if (compound) {
        this.counts.inboundRtcpPackets += 1;
        this.media.onRtcp(compound);
      }
    } else {
      this.media.onRtp(datagram);
    }
  }

  #watch(): void {
    const nowMs = this.#context.clock.monoMs();
    if (this.state === 'connected') {
      this.media.tick();
    } else if (nowMs - this.#createdMs > this.#handshakeTimeoutMs) {
      this.#failToConnect('deadline exceeded while waiting connection');
    } else if (this.state === 'handshake' && nowMs - this.#stateSinceMs > MAX_DTLS_MS) {
      const why = this.#dtls?.lastError ?? 'no answer';
      this.#failToConnect(`DTLS handshake took more than ${MAX_DTLS_MS} ms: ${why}`);
    }
    if (this.#disconnectedSinceMs !== undefined && nowMs - this.#disconnectedSinceMs > MAX_DISCONNECTED_MS) {
      this.close(`no connection to the peer for ${MAX_DISCONNECTED_MS} ms`);
    } else if (this.state !== 'closed' && nowMs - this.#lastCheckMs > MAX_SILENCE_MS) {
      const reason = `no connectivity check for ${MAX_SILENCE_MS} ms`;
      this.state === 'connected' ? this.close(reason) : this.#failToConnect(reason);
    }
  }

  /** Ends this session only. An error other than PerchError is a bug and is logged. */
  #fail(error: unknown): void {
    if (!(error instanceof PerchError)) {
      this.#log.error({ err: error }, 'fault in a WebRTC session');
    }
    this.close(explain(error));
  }

  #startDtls(): DtlsPeer {
    this.state = 'handshake';
    this.#stateSinceMs = this.#context.clock.monoMs();
    const events: DtlsEvents = {
      send: (datagram) => this.#transport?.send(datagram, 0, datagram.length),
      onConnected: (keys) => this.#onConnected(keys),
      onFailed: (reason) => this.close(explain(reason)),
      onClosed: () => this.close(`closed by the ${this.role}`, 'byPeer'),
    };
    const { dtls } = this.#context;
    const { fingerprints, setup } = this.offer;
    return setup === 'passive' ? dtls.connect(fingerprints, events) : dtls.accept(fingerprints, events);
  }

  #onConnected(keys: SrtpKeys): void {
    if (this.state !== 'handshake' || !this.#transport) {
      return;
    }
    this.state = 'connected';
    this.#stateSinceMs = this.#context.clock.monoMs();
    this.#onEstablished();
    this.#secrets = { keys, srtcp: new Srtcp(keys) };
    const { protocol } = this.#transport;
    this.#log.info({ remote: addressOf(this.#transport), protocol }, `WebRTC ${this.role} is connected`);
    try {
      this.media.start(this);
    } catch (cause) {
      this.close(explain(cause));
    }
  }

  #admit(from: Transport): void {
    if (this.#transports.has(from)) {
      return;
    }
    from.admit(this);
    this.#transports.add(from);
    for (const oldest of this.#transports) {
      if (this.#transports.size <= MAX_TRANSPORTS) {
        break;
      }
      if (oldest !== this.#transport) {
        this.#transports.delete(oldest);
        oldest.close();
      }
    }
  }

  #moveTo(to: Transport): void {
    const nowMs = this.#context.clock.monoMs();
    // Limits the log of a peer that moves back and forth.
    if (this.#transport !== to && this.state === 'connected' && nowMs - this.#lastMoveMs > 1_000) {
      this.#lastMoveMs = nowMs;
      // A new browser may still select its best candidate pair.
      const level = nowMs - this.#stateSinceMs < SETTLING_MS ? 'debug' : 'info';
      this.#log[level]({ remote: addressOf(to), protocol: to.protocol }, 'WebRTC peer moved');
    }
    this.#transport = to;
  }

  #dropFormerIce(): void {
    if (this.#formerIce) {
      this.#context.ufrags.unregister(this.#formerIce.credentials.ufrag);
      this.#formerIce = undefined;
    }
  }
}

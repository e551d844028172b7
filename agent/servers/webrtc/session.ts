import { randomInt, randomUUID } from 'node:crypto';
import type { RemoteInfo } from 'node:dgram';
import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { RtpPackets } from '../../stream/rtp-packets.ts';
import type { Reader, Stream } from '../../stream/stream.ts';
import type { Choices } from './codecs.ts';
import type { DtlsEvents, DtlsIdentity, DtlsPeer } from './dtls.ts';
import { type IceCredentials, IceLite, makeCredentials } from './ice-lite.ts';
import type { Offer } from './offer.ts';
import { PacketSender } from './packet-sender.ts';
import { readRtcp } from './rtcp.ts';
import type { OutboundTrack } from './srtp.ts';
import type { SrtpKeys } from './srtp-keys.ts';
import type { BindingRequest } from './stun.ts';
import type { UdpPeer, UdpPort } from './udp-port.ts';
import { ViewerHealth } from './viewer-health.ts';

/** Browsers check every two to three seconds: after this long without a check the viewer is gone. */
const LIVENESS_LIMIT_MS = 15_000;
/** From the browser's first DTLS packet on; a healthy handshake takes less than half a second. */
const DTLS_LIMIT_MS = 5_000;
/** The packet index must not become negative when the whole history is sent again before it: the history's 4,096 come on top. */
const HISTORY_PACKETS = 4_096;

/** Who asked for the stream. */
export interface Viewer {
  readonly path: string;
  /** Without `?`. */
  readonly query: string;
  /** Of the HTTP request, `address:port`. */
  readonly remoteAddr: string;
  readonly userAgent: string;
  readonly user: string;
}

export interface SessionOptions {
  readonly viewer: Viewer;
  readonly stream: Stream;
  readonly offer: Offer;
  readonly choices: Choices;
  readonly handshakeTimeoutMs: number;
  readonly onClosed: (session: WebRtcSession) => void;
}

/** What a session stands on. */
export interface SessionGround {
  readonly port: UdpPort;
  readonly dtls: DtlsIdentity;
  readonly clock: Clock;
  readonly log: Logger;
}

/** One viewer of one stream, from the answer to the goodbye. */
export class WebRtcSession implements Reader, UdpPeer {
  readonly type = 'webRTCSession';
  readonly countsHolds = true;
  readonly id = randomUUID();
  /** Whoever knows it may end the session: it stands in the Location of the answer only. */
  readonly secret = randomUUID();
  readonly cname = randomUUID();
  readonly viewer: Viewer;
  readonly offer: Offer;
  readonly choices: Choices;
  readonly createdWallMs: number;
  readonly video: OutboundTrack | undefined;
  readonly audio: OutboundTrack | undefined;
  readonly health: ViewerHealth;
  state: 'waiting' | 'handshake' | 'connected' | 'closed' = 'waiting';
  /** Everything that came from the viewer, connectivity checks included. */
  inboundBytes = 0;
  /** Where the viewer is, once a check has passed. */
  remote: RemoteInfo | undefined;
  sender: PacketSender | undefined;
  readonly #ground: SessionGround;
  readonly #stream: Stream;
  readonly #log: Logger;
  readonly #handshakeTimeoutMs: number;
  readonly #onClosed: (session: WebRtcSession) => void;
  readonly #createdMs: number;
  /** The newest credentials; after an ICE restart the former ones hold until the new ones are used. */
  #ice: IceLite;
  #formerIce: IceLite | undefined;
  #dtls: DtlsPeer | undefined;
  #dtlsStartedMs = 0;
  #lastCheckMs: number;
  #packets: RtpPackets | undefined;

  constructor(options: SessionOptions, ground: SessionGround) {
    this.viewer = options.viewer;
    this.offer = options.offer;
    this.choices = options.choices;
    this.#ground = ground;
    this.#stream = options.stream;
    this.#handshakeTimeoutMs = options.handshakeTimeoutMs;
    this.#onClosed = options.onClosed;
    this.#log = ground.log.child({ session: this.id, path: options.viewer.path });
    this.createdWallMs = ground.clock.wallMs();
    this.#createdMs = ground.clock.monoMs();
    this.#lastCheckMs = this.#createdMs;
    this.video = options.choices.video && outboundTrack(options.choices.video.format.payloadType);
    this.audio = options.choices.audio && outboundTrack(options.choices.audio.format.payloadType);
    this.health = new ViewerHealth(this.#clockRates());
    this.#ice = new IceLite(makeCredentials(), options.offer.ufrag);
    ground.port.register(this.#ice.credentials.ufrag, this);
  }

  get credentials(): IceCredentials {
    return this.#ice.credentials;
  }

  /** The browser's half of the newest credentials. */
  get remoteUfrag(): string {
    return this.#ice.remoteUfrag;
  }

  /** Becomes one of the stream's readers. The packets themselves come from the packetizer that all viewers share. */
  start(): void {
    this.#stream.addReader(this, false);
  }

  onSample(): void {}

  onTrack(): void {}

  onEnd(cause?: unknown): void {
    this.close(cause === undefined ? 'the stream has ended' : explain(cause));
  }

  /** New credentials for a browser whose network has changed. The handshake's keys stay. */
  restartIce(remoteUfrag: string): IceCredentials {
    this.#dropFormerIce();
    this.#formerIce = this.#ice;
    this.#ice = new IceLite(makeCredentials(), remoteUfrag);
    this.#ground.port.register(this.#ice.credentials.ufrag, this);
    return this.#ice.credentials;
  }

  onCheck(datagram: Uint8Array, request: BindingRequest, from: RemoteInfo): void {
    const isNewest = request.username.startsWith(`${this.#ice.credentials.ufrag}:`);
    const ice = isNewest ? this.#ice : this.#formerIce;
    const result = ice?.check(datagram, request, from);
    if (!result) {
      this.#ground.port.ignored += 1;
      return;
    }
    this.inboundBytes += datagram.length;
    this.#ground.port.send(result.answer, 0, result.answer.length, from);
    if (!result.passed) {
      return;
    }
    if (isNewest) {
      this.#dropFormerIce();
    }
    this.#lastCheckMs = this.#ground.clock.monoMs();
    this.#ground.port.admit(this, from);
    if (!this.remote || result.nominated) {
      this.#moveTo(from);
    }
  }

  onDatagram(datagram: Buffer): void {
    this.inboundBytes += datagram.length;
    // RFC 7983 §7: 20 to 63 is DTLS, 128 to 191 is RTP or RTCP; RFC 5761 §4 tells these two by the second byte.
    const first = datagram[0] ?? 0;
    const second = datagram[1] ?? 0;
    if (first >= 20 && first <= 63) {
      this.#dtls ??= this.#startDtls();
      this.#dtls.receive(datagram);
    } else if (first >> 6 === 2 && second >= 192 && second <= 223) {
      const compound = this.sender?.srtcp.unprotect(datagram);
      if (compound) {
        this.health.rtcpPackets += 1;
        readRtcp(compound, this.health);
      }
    }
  }

  /** Called once a second. */
  tick(): void {
    const nowMs = this.#ground.clock.monoMs();
    if (this.state === 'connected') {
      if (this.#packets) {
        this.sender?.report(this.#packets, this.#ground.clock.wallMs(), this.cname);
      }
    } else if (nowMs - this.#createdMs > this.#handshakeTimeoutMs) {
      this.close('deadline exceeded while waiting connection');
    } else if (this.state === 'handshake' && nowMs - this.#dtlsStartedMs > DTLS_LIMIT_MS) {
      const why = this.#dtls?.lastError ?? 'no answer';
      this.close(`DTLS handshake took more than ${DTLS_LIMIT_MS} ms: ${why}`);
    }
    if (nowMs - this.#lastCheckMs > LIVENESS_LIMIT_MS) {
      this.close(`no connectivity check for ${LIVENESS_LIMIT_MS} ms`);
    }
  }

  close(reason: string): void {
    if (this.state === 'closed') {
      return;
    }
    this.state = 'closed';
    this.#dtls?.close();
    this.#packets?.leave(this.sender as PacketSender);
    this.#stream.removeReader(this);
    this.#dropFormerIce();
    this.#ground.port.unregister(this.#ice.credentials.ufrag);
    this.#ground.port.forget(this);
    this.#log.info({ reason, bytes: this.sender?.bytes ?? 0 }, 'WebRTC viewer has left');
    this.#onClosed(this);
  }

  #startDtls(): DtlsPeer {
    this.state = 'handshake';
    this.#dtlsStartedMs = this.#ground.clock.monoMs();
    const events: DtlsEvents = {
      send: (datagram) => {
        if (this.remote) {
          this.#ground.port.send(datagram, 0, datagram.length, this.remote);
        }
      },
      onConnected: (keys) => this.#onConnected(keys),
      onFailed: (reason) => this.close(explain(reason)),
      onClosed: () => this.close('closed by the viewer'),
    };
    return this.#ground.dtls.accept(this.offer.fingerprints, events);
  }

  #onConnected(keys: SrtpKeys): void {
    if (this.state !== 'handshake' || !this.remote) {
      return;
    }
    this.state = 'connected';
    const { video, audio } = this.choices;
    const tracks = this.#stream.tracks.map((_, i) => {
      const isVideo = i === video?.track;
      return isVideo ? this.video : i === audio?.track ? this.audio : undefined;
    });
    const refuse = () => this.close(REORDERED);
    const fail = (cause: unknown) => this.onEnd(cause);
    const { port } = this.#ground;
    this.sender = new PacketSender(port, this.#stream, tracks, video?.track ?? -1, keys, this.remote, refuse, fail);
    this.#packets = RtpPackets.join(this.#stream, this.sender);
    this.#log.info({ remote: addressOf(this.remote) }, 'WebRTC viewer is connected');
  }

  #moveTo(from: RemoteInfo): void {
    if (this.remote?.address === from.address && this.remote.port === from.port) {
      return;
    }
    this.remote = from;
    if (this.sender) {
      this.sender.to = from;
      this.#log.info({ remote: addressOf(from) }, 'WebRTC viewer has moved');
    }
  }

  #dropFormerIce(): void {
    if (this.#formerIce) {
      this.#ground.port.unregister(this.#formerIce.credentials.ufrag);
      this.#formerIce = undefined;
    }
  }

  #clockRates(): Map<number, number> {
    const rates = new Map<number, number>();
    const { video, audio } = this.choices;
    if (video && this.video) {
      rates.set(this.video.ssrc, video.format.clockRate);
    }
    if (audio && this.audio) {
      rates.set(this.audio.ssrc, audio.format.clockRate);
    }
    return rates;
  }
}

const REORDERED = "WebRTC doesn't support H264 streams with B-frames";

export const reorderedError = (): PerchError => new PerchError('badInput', REORDERED);

/** `192.168.1.7:50000` or `[fe80::1]:50000`. */
export function addressOf(remote: RemoteInfo): string {
  return remote.family === 'IPv6' ? `[${remote.address}]:${remote.port}` : `${remote.address}:${remote.port}`;
}

function outboundTrack(payloadType: number): OutboundTrack {
  return {
    ssrc: randomInt(1, 2 ** 32),
    payloadType,
    timestampOffset: randomInt(0, 2 ** 32),
    packetIndex: randomInt(0, 2 ** 15) + HISTORY_PACKETS,
    packets: 0,
    octets: 0,
  };
}

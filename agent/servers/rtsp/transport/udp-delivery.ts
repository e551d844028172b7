import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import type { MikeyMessage } from '../../../media/mikey/message.ts';
import { writeBye } from '../../../media/rtcp/write.ts';
import type { Transport } from '../../../media/rtsp/transport.ts';
import { BurstRoute } from '../../../native/burst-route.ts';
import { InterleavedPackets } from '../../../stream/interleaved-packets.ts';
import { DatagramSender, type DatagramSenderTarget } from './datagram-sender.ts';
import { type FrameRoute, prepareBursts } from './frame-socket.ts';
import type {
  Delivery,
  DeliveryOptions,
  MediaOwner,
  ReaderRequest,
  ReceiveCounts,
  SendCounts,
  TrackStart,
} from './media-plane.ts';
import { ReaderReports } from './reader-reports.ts';
import { SecurePackets } from './secure-packets.ts';
import type { UdpPeer, UdpPorts } from './udp-ports.ts';

/** Sends datagrams to the reader's ports, always at the address of its connection. */
export class UdpDelivery implements Delivery, DatagramSenderTarget {
  readonly kind = 'udp';
  readonly isSecure: boolean;
  readonly #packets: InterleavedPackets;
  readonly #secure: SecurePackets | undefined;
  readonly #sender: DatagramSender;
  readonly #reports: ReaderReports;
  readonly #ports: UdpPorts;
  readonly #ip: string;
  readonly #owner: MediaOwner;
  readonly #clock: Clock;
  /** Routes by track, or undefined if not set up. */
  readonly #routes: (FrameRoute | undefined)[];
  readonly #rtcpPorts: Uint16Array;
  readonly #peers = new Map<number, UdpPeer>();
  #isPlaying = false;

  constructor(request: ReaderRequest, ports: UdpPorts, options: DeliveryOptions, clock: Clock) {
    const { stream, ip, owner, wantsPlaceholders } = request;
    const { maxPayloadBytes, isSecure } = options;
    this.isSecure = isSecure;
    this.#packets = InterleavedPackets.of(stream, maxPayloadBytes, clock);
    this.#secure = isSecure ? SecurePackets.of(this.#packets) : undefined;
    this.#sender = new DatagramSender(this.#packets, this, clock, { secure: this.#secure, wantsPlaceholders });
    this.#reports = new ReaderReports(this.#packets);
    this.#ports = ports;
    this.#ip = ip;
    this.#owner = owner;
    this.#clock = clock;
    void prepareBursts();
    this.#routes = new Array(stream.tracks.length).fill(undefined);
    this.#rtcpPorts = new Uint16Array(stream.tracks.length);
  }

  get sent(): SendCounts {
    return {
      bytes: this.#sender.sentBytes,
      rtpPackets: this.#sender.sentPackets,
      rtcpPackets: this.#sender.reports,
      reportedLost: this.#reports.lost,
      discarded: this.#sender.discarded,
    };
  }

  get received(): ReceiveCounts {
    return this.#reports.received;
  }

  get lastReceivedMs(): number {
    return this.#reports.lastReceivedMs;
  }

  get isCongested(): boolean {
    return this.#ports.isCongested(this.#ip);
  }

  setUp(track: number, { clientPort }: Transport, key?: MikeyMessage): Transport {
    if (!clientPort) {
      throw new PerchError('unsupported', 'RTP over UDP without client_port');
    }
    if (key) {
      this.#reports.decrypt(track, key);
    }
    const peer: UdpPeer = {
      owner: this,
      // Datagrams to the RTP port carry no media: the reader sends them to open its NAT or firewall.
      onRtp: () => {},
      onRtcp: (datagram) => this.#takeReport(datagram, track),
      onReplaced: () => this.#owner.onMediaEnd('its UDP ports were taken by a newer session of the same address'),
    };
    this.#ports.register(this.#ip, clientPort, peer);
    this.#peers.set(track, peer);
    const [rtp, rtcp] = clientPort;
    this.#routes[track] = { ip: this.#ip, port: rtp, bursts: BurstRoute.to(this.#ip, rtp) };
    this.#rtcpPorts[track] = rtcp;
    return {
      protocol: 'udp',
      isSecure: this.isSecure,
      isMulticast: false,
      clientPort,
      serverPort: [this.#ports.rtpPort, this.#ports.rtcpPort],
      ssrc: this.#packets.ssrcOf(track),
    };
  }

  keyOf(track: number): MikeyMessage | undefined {
    return this.#secure?.messageOf(track, this.#clock.wallMs());
  }

  start(): readonly TrackStart[] {
    this.#isPlaying = true;
    return this.#packets.join(this.#sender).filter(({ track }) => this.has(track));
  }

  flow(): void {
    this.#packets.flow(this.#sender);
  }

  stop(): void {
    this.#isPlaying = false;
    this.#sender.stop();
  }

  close(): void {
    this.#sendBye();
    this.#sender.stop();
    for (const [track, peer] of this.#peers) {
      this.#ports.unregister(peer);
      this.#routes[track] = undefined;
    }
    this.#peers.clear();
  }

  has(track: number): boolean {
    return this.#routes[track] !== undefined;
  }

  sendFrames(track: number, frames: Buffer, start: number, count: number): void {
    this.#ports.sendFrames(frames, start, count, this.#routes[track] as FrameRoute);
  }

  sendRtcp(track: number, bytes: Uint8Array, start: number, length: number): void {
    this.#ports.sendRtcp(bytes, start, length, this.#rtcpPorts[track] as number, this.#ip);
  }

  onSenderEnded(reason: string): void {
    this.#sendBye();
    this.#owner.onMediaEnd(reason);
  }

  /** Sends BYE for the tracks, once. `close` may come before `onSenderEnded`: the session may be notified of the stream's end first. */
  #sendBye(): void {
    if (!this.#isPlaying) {
      return;
    }
    this.#isPlaying = false;
    for (const track of this.#peers.keys()) {
      const plain = writeBye(this.#packets.ssrcOf(track));
      const bye = this.#secure?.encryptReport(plain, track) ?? plain;
      this.sendRtcp(track, bye, 0, bye.length);
    }
  }

  #takeReport(datagram: Buffer, track: number): void {
    const nowMs = this.#clock.monoMs();
    if (this.isSecure) {
      this.#reports.takeSecure(datagram, track, nowMs);
    } else {
      this.#reports.take(datagram, nowMs);
    }
  }
}

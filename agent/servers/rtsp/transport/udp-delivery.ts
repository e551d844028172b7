import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { writeBye } from '../../../media/rtcp/write.ts';
import type { Pair, Transport } from '../../../media/rtsp/transport.ts';
import { InterleavedPackets } from '../../../stream/interleaved-packets.ts';
import { DatagramSender, type DatagramSenderTarget } from './datagram-sender.ts';
import type { Delivery, MediaOwner, ReaderRequest, Received, Sent, TrackStart } from './media-plane.ts';
import { ReaderReports } from './reader-reports.ts';
import type { UdpPeer, UdpPorts } from './udp-ports.ts';

/** Sends datagrams to the reader's ports, always at the address of its connection. */
export class UdpDelivery implements Delivery, DatagramSenderTarget {
  readonly kind = 'udp';
  readonly #packets: InterleavedPackets;
  readonly #sender: DatagramSender;
  readonly #reports: ReaderReports;
  readonly #ports: UdpPorts;
  readonly #ip: string;
  readonly #owner: MediaOwner;
  readonly #clock: Clock;
  /** By track; 0: not set up. */
  readonly #rtpPorts: Uint16Array;
  readonly #rtcpPorts: Uint16Array;
  readonly #peers = new Map<number, UdpPeer>();
  #isPlaying = false;

  constructor(request: ReaderRequest, ports: UdpPorts, maxPayloadBytes: number, clock: Clock) {
    const { stream, ip, owner, wantsPlaceholders } = request;
    this.#packets = InterleavedPackets.of(stream, maxPayloadBytes, clock);
    this.#sender = new DatagramSender(this.#packets, this, clock, wantsPlaceholders);
    this.#reports = new ReaderReports(this.#packets);
    this.#ports = ports;
    this.#ip = ip;
    this.#owner = owner;
    this.#clock = clock;
    this.#rtpPorts = new Uint16Array(stream.tracks.length);
    this.#rtcpPorts = new Uint16Array(stream.tracks.length);
  }

  get sent(): Sent {
    return {
      bytes: this.#sender.sentBytes,
      rtpPackets: this.#sender.sentPackets,
      rtcpPackets: this.#sender.reports,
      reportedLost: this.#reports.lost,
      discarded: this.#sender.discarded,
    };
  }

  get received(): Received {
    return this.#reports.received;
  }

  get lastReceivedMs(): number {
    return this.#reports.lastReceivedMs;
  }

  get isCongested(): boolean {
    return this.#ports.isCongested(this.#ip);
  }

  setUp(track: number, { clientPort }: Transport): Transport {
    if (!clientPort) {
      throw new PerchError('unsupported', 'RTP over UDP without client_port');
    }
    const peer: UdpPeer = {
      owner: this,
      // The reader opens its NAT or firewall with these.
      onRtp: () => {},
      onRtcp: (datagram) => this.#reports.take(datagram, this.#clock.monoMs()),
      onReplaced: () => this.#owner.onMediaEnd('its UDP ports were taken by a newer session of the same address'),
    };
    this.#ports.register(this.#ip, clientPort, peer);
    this.#peers.set(track, peer);
    this.#setPorts(track, clientPort);
    return {
      protocol: 'udp',
      isSecure: false,
      isMulticast: false,
      clientPort,
      serverPort: [this.#ports.rtpPort, this.#ports.rtcpPort],
      ssrc: this.#packets.ssrcOf(track),
    };
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
      this.#setPorts(track, [0, 0]);
    }
    this.#peers.clear();
  }

  has(track: number): boolean {
    return this.#rtpPorts[track] !== 0;
  }

  sendRtp(track: number, bytes: Buffer, start: number, length: number): void {
    this.#ports.sendRtp(bytes, start, length, this.#rtpPorts[track] as number, this.#ip);
  }

  sendRtcp(track: number, bytes: Uint8Array, start: number, length: number): void {
    this.#ports.sendRtcp(bytes, start, length, this.#rtcpPorts[track] as number, this.#ip);
  }

  onSenderEnded(reason: string): void {
    this.#sendBye();
    this.#owner.onMediaEnd(reason);
  }

  /** The session may learn of the stream's end before its packets do, and close first. */
  #sendBye(): void {
    if (!this.#isPlaying) {
      return;
    }
    this.#isPlaying = false;
    for (const track of this.#peers.keys()) {
      const bye = writeBye(this.#packets.ssrcOf(track));
      this.sendRtcp(track, bye, 0, bye.length);
    }
  }

  #setPorts(track: number, [rtp, rtcp]: Pair): void {
    this.#rtpPorts[track] = rtp;
    this.#rtcpPorts[track] = rtcp;
  }
}

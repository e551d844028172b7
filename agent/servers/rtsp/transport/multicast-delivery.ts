import { isLoopbackIp } from '../../../base/network/ip-address.ts';
import type { MikeyMessage } from '../../../media/mikey/message.ts';
import type { Transport } from '../../../media/rtsp/transport.ts';
import { InterleavedPackets } from '../../../stream/interleaved-packets.ts';
import type {
  Delivery,
  DeliveryOptions,
  MediaOwner,
  ReaderRequest,
  ReceiveCounts,
  SendCounts,
  TrackStart,
} from './media-plane.ts';
import type { Multicast, ReportListener } from './multicast.ts';
import { type MulticastReader, MulticastSender } from './multicast-sender.ts';
import { ReaderReports } from './reader-reports.ts';
import { SecurePackets } from './secure-packets.ts';

/** A reader of a stream's multicast group, which all its readers share. */
export class MulticastDelivery implements Delivery, MulticastReader, ReportListener {
  readonly kind = 'multicast';
  readonly isSecure: boolean;
  /** Source address of its reports. */
  readonly ip: string;
  /** Our address in the reader's network. */
  readonly egress: string;
  readonly #multicast: Multicast;
  readonly #request: ReaderRequest;
  readonly #options: DeliveryOptions;
  readonly #packets: InterleavedPackets;
  readonly #reports: ReaderReports;
  readonly #owner: MediaOwner;
  #sender: MulticastSender | undefined;
  /** The sender's counters when this reader joined. */
  #countsAtStart = { bytes: 0, packets: 0, reports: 0, discarded: 0 };

  /** @throws PerchError `unsupported` if the reader is unreachable by multicast */
  constructor(request: ReaderRequest, multicast: Multicast, options: DeliveryOptions) {
    this.isSecure = options.isSecure;
    this.egress = multicast.egressFor(request.ip);
    // Reports of a local reader come from the group's network address.
    this.ip = isLoopbackIp(request.ip) ? this.egress : request.ip;
    this.#multicast = multicast;
    this.#request = request;
    this.#options = options;
    this.#packets = InterleavedPackets.of(request.stream, options.maxPayloadBytes, multicast.clock);
    this.#reports = new ReaderReports(this.#packets);
    this.#owner = request.owner;
  }

  get sent(): SendCounts {
    const before = this.#countsAtStart;
    const datagrams = this.#sender?.datagrams;
    return {
      bytes: (datagrams?.sentBytes ?? before.bytes) - before.bytes,
      rtpPackets: (datagrams?.sentPackets ?? before.packets) - before.packets,
      rtcpPackets: (datagrams?.reports ?? before.reports) - before.reports,
      reportedLost: this.#reports.lost,
      discarded: (datagrams?.discarded ?? before.discarded) - before.discarded,
    };
  }

  get received(): ReceiveCounts {
    return this.#reports.received;
  }

  get lastReceivedMs(): number {
    return this.#reports.lastReceivedMs;
  }

  setUp(track: number, _wanted: Transport, key?: MikeyMessage): Transport {
    if (key) {
      this.#reports.decrypt(track, key);
    }
    const { group, ports, ttl } = this.#multicast.addressOf(this.#request.stream);
    return {
      protocol: 'udp',
      isSecure: this.isSecure,
      isMulticast: true,
      destination: group,
      port: ports[track],
      ttl,
      ssrc: this.#packets.ssrcOf(track),
    };
  }

  keyOf(track: number): MikeyMessage | undefined {
    return this.isSecure ? SecurePackets.of(this.#packets).messageOf(track, this.#multicast.clock.wallMs()) : undefined;
  }

  /** The group may be running: its first packet is unknown. */
  start(): readonly TrackStart[] {
    return [];
  }

  flow(): void {
    if (!this.#sender) {
      const sender = MulticastSender.of(this.#multicast, this.#request.stream, this.#options);
      const { sentBytes: bytes, sentPackets: packets, reports, discarded } = sender.datagrams;
      this.#countsAtStart = { bytes, packets, reports, discarded };
      this.#sender = sender;
      this.#multicast.listen(this);
      sender.add(this);
    }
  }

  stop(): void {
    this.#multicast.unlisten(this);
    this.#sender?.leave(this);
    this.#sender = undefined;
  }

  close(): void {
    this.stop();
  }

  onRtcp(datagram: Buffer): void {
    const nowMs = this.#multicast.clock.monoMs();
    if (this.isSecure) {
      this.#reports.takeFromGroup(datagram, nowMs);
    } else {
      this.#reports.take(datagram, nowMs);
    }
  }

  onSenderEnd(reason: string): void {
    this.stop();
    this.#owner.onMediaEnd(reason);
  }
}

import { isLoopbackIp } from '../../../base/ip-address.ts';
import type { Transport } from '../../../media/rtsp/transport.ts';
import { FramedPackets } from '../../../stream/framed-packets.ts';
import type { Delivery, MediaOwner, ReaderRequest, Received, Sent, TrackStart } from './media-plane.ts';
import type { GroupListener, Multicast } from './multicast.ts';
import { type GroupMember, MulticastSender } from './multicast-sender.ts';
import { ReaderReports } from './reader-reports.ts';

/** A reader of a stream's multicast group. What it is sent, all get who read there. */
export class MulticastDelivery implements Delivery, GroupMember, GroupListener {
  readonly kind = 'multicast';
  /** Where its reports come from. */
  readonly ip: string;
  /** Our address in the network where it listens. */
  readonly exit: string;
  readonly #multicast: Multicast;
  readonly #request: ReaderRequest;
  readonly #maxPayloadBytes: number;
  readonly #packets: FramedPackets;
  readonly #reports: ReaderReports;
  readonly #owner: MediaOwner;
  #sender: MulticastSender | undefined;
  /** Counts of the sender when this reader came. */
  #before = { bytes: 0, packets: 0, reports: 0, discarded: 0 };

  /** @throws PerchError `unsupported` when the reader cannot be reached by multicast */
  constructor(request: ReaderRequest, multicast: Multicast, maxPayloadBytes: number) {
    this.exit = multicast.exitFor(request.ip);
    // What a reader on this machine says to the group has the address of the network that the group is in.
    this.ip = isLoopbackIp(request.ip) ? this.exit : request.ip;
    this.#multicast = multicast;
    this.#request = request;
    this.#maxPayloadBytes = maxPayloadBytes;
    this.#packets = FramedPackets.of(request.stream, maxPayloadBytes, multicast.clock);
    this.#reports = new ReaderReports(this.#packets);
    this.#owner = request.owner;
  }

  get sent(): Sent {
    const before = this.#before;
    const feed = this.#sender?.feed;
    return {
      bytes: (feed?.sentBytes ?? before.bytes) - before.bytes,
      rtpPackets: (feed?.sentPackets ?? before.packets) - before.packets,
      rtcpPackets: (feed?.reports ?? before.reports) - before.reports,
      reportedLost: this.#reports.lost,
      discarded: (feed?.discarded ?? before.discarded) - before.discarded,
    };
  }

  get received(): Received {
    return this.#reports.received;
  }

  get heardMs(): number {
    return this.#reports.heardMs;
  }

  setUp(track: number, _wanted: Transport): Transport {
    const { group, ports, ttl } = this.#multicast.placeOf(this.#request.stream);
    return {
      protocol: 'udp',
      isSecure: false,
      isMulticast: true,
      destination: group,
      port: ports[track],
      ttl,
      ssrc: this.#packets.ssrcOf(track),
    };
  }

  /** Nothing is known of the first packet: the group may be under way. */
  start(): readonly TrackStart[] {
    return [];
  }

  flow(): void {
    if (!this.#sender) {
      const sender = MulticastSender.of(this.#multicast, this.#request.stream, this.#maxPayloadBytes);
      const { sentBytes: bytes, sentPackets: packets, reports, discarded } = sender.feed;
      this.#before = { bytes, packets, reports, discarded };
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
    this.#reports.take(datagram, this.#multicast.clock.monoMs());
  }

  onSenderEnd(reason: string): void {
    this.stop();
    this.#owner.onMediaEnd(reason);
  }
}

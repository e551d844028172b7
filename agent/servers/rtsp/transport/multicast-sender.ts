import { addCount } from '../../../base/count-map.ts';
import { writeBye } from '../../../media/rtcp/write.ts';
import type { Pair } from '../../../media/rtsp/transport.ts';
import { BurstRoute } from '../../../native/burst-route.ts';
import { InterleavedPackets } from '../../../stream/interleaved-packets.ts';
import type { Stream } from '../../../stream/stream.ts';
import { DatagramSender, type DatagramSenderTarget } from './datagram-sender.ts';
import { type FrameRoute, prepareBursts } from './frame-socket.ts';
import type { DeliveryOptions } from './media-plane.ts';
import type { Multicast } from './multicast.ts';
import { SecurePackets } from './secure-packets.ts';

export interface MulticastReader {
  /** Our address in the reader's network. */
  readonly egress: string;
  onSenderEnd(reason: string): void;
}

const senders = new WeakMap<Multicast, Map<Stream, MulticastSender>>();

/** Sends a stream to its group while the group has readers. */
export class MulticastSender implements DatagramSenderTarget {
  readonly datagrams: DatagramSender;
  readonly #multicast: Multicast;
  readonly #stream: Stream;
  readonly #packets: InterleavedPackets;
  /** Undefined: plain RTP. */
  readonly #secure: SecurePackets | undefined;
  readonly #group: string;
  readonly #ports: readonly Pair[];
  /** Destinations of RTP, by track; the same in all networks. */
  readonly #routes: readonly FrameRoute[];
  readonly #members = new Set<MulticastReader>();
  /** Readers per local address. */
  readonly #users = new Map<string, number>();
  /** The same addresses, for iteration per packet. */
  #egresses: readonly string[] = [];

  /** The stream's sender; a new one is kept even without readers, so the caller adds one at once. */
  static of(multicast: Multicast, stream: Stream, options: DeliveryOptions): MulticastSender {
    const known = senders.get(multicast) ?? new Map<Stream, MulticastSender>();
    senders.set(multicast, known);
    const sender = known.get(stream) ?? new MulticastSender(multicast, stream, options);
    known.set(stream, sender);
    return sender;
  }

  private constructor(multicast: Multicast, stream: Stream, options: DeliveryOptions) {
    this.#multicast = multicast;
    this.#stream = stream;
    const { group, ports } = multicast.addressOf(stream);
    this.#group = group;
    this.#ports = ports;
    this.#routes = ports.map(([port]) => ({ ip: group, port, bursts: BurstRoute.to(group, port) }));
    void prepareBursts();
    this.#packets = InterleavedPackets.of(stream, options.maxPayloadBytes, multicast.clock);
    this.#secure = options.isSecure ? SecurePackets.of(this.#packets) : undefined;
    this.datagrams = new DatagramSender(this.#packets, this, multicast.clock, { secure: this.#secure });
    multicast.reserve(this.#group, stream);
  }

  /** The cached GOP is sent only for the first reader; later ones join the running group. */
  add(member: MulticastReader): void {
    this.#members.add(member);
    const { egress } = member;
    if (addCount(this.#users, egress, 1) === 1) {
      this.#multicast.open(egress, this.#group, this.#stream.tracks.length);
    }
    this.#egresses = [...this.#users.keys()];
    if (this.#members.size === 1) {
      this.#packets.join(this.datagrams);
      this.#packets.flow(this.datagrams);
    }
  }

  leave(member: MulticastReader): void {
    if (!this.#members.delete(member)) {
      return;
    }
    if (this.#members.size === 0) {
      this.#sendBye();
    }
    const { egress } = member;
    if (addCount(this.#users, egress, -1) === 0) {
      this.#multicast.close(egress, this.#group, this.#stream.tracks.length);
    }
    this.#egresses = [...this.#users.keys()];
    if (this.#members.size === 0) {
      this.datagrams.stop();
      this.#multicast.release(this.#group);
      senders.get(this.#multicast)?.delete(this.#stream);
    }
  }

  get isCongested(): boolean {
    const egresses = this.#egresses;
    for (let i = 0; i < egresses.length; i += 1) {
      if (this.#multicast.isCongested(egresses[i] as string)) {
        return true;
      }
    }
    return false;
  }

  has(): boolean {
    return true;
  }

  sendFrames(track: number, frames: Buffer, start: number, count: number): void {
    const route = this.#routes[track] as FrameRoute;
    const egresses = this.#egresses;
    for (let i = 0; i < egresses.length; i += 1) {
      this.#multicast.sendFrames(egresses[i] as string, frames, start, count, route);
    }
  }

  sendRtcp(track: number, bytes: Uint8Array, start: number, length: number): void {
    const [, port] = this.#ports[track] as Pair;
    for (const egress of this.#egresses) {
      this.#multicast.send(egress, bytes, start, length, port, this.#group);
    }
  }

  onSenderEnded(reason: string): void {
    for (const member of [...this.#members]) {
      this.leave(member);
      member.onSenderEnd(reason);
    }
  }

  #sendBye(): void {
    for (const track of this.#stream.tracks.keys()) {
      const plain = writeBye(this.#packets.ssrcOf(track));
      const bye = this.#secure?.encryptReport(plain, track) ?? plain;
      this.sendRtcp(track, bye, 0, bye.length);
    }
  }
}

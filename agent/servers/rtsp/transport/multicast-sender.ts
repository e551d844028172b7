import { addCount } from '../../../base/count-map.ts';
import { writeBye } from '../../../media/rtcp/write.ts';
import type { Pair } from '../../../media/rtsp/transport.ts';
import { InterleavedPackets } from '../../../stream/interleaved-packets.ts';
import type { Stream } from '../../../stream/stream.ts';
import { DatagramSender, type DatagramSenderTarget } from './datagram-sender.ts';
import type { Multicast } from './multicast.ts';

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
  readonly #group: string;
  readonly #ports: readonly Pair[];
  readonly #members = new Set<MulticastReader>();
  /** Readers per local address. */
  readonly #users = new Map<string, number>();
  /** The same addresses, for iteration per packet. */
  #egresses: readonly string[] = [];

  /** The existing or a new sender. A reader must be added at once. */
  static of(multicast: Multicast, stream: Stream, maxPayloadBytes: number): MulticastSender {
    const known = senders.get(multicast) ?? new Map<Stream, MulticastSender>();
    senders.set(multicast, known);
    const sender = known.get(stream) ?? new MulticastSender(multicast, stream, maxPayloadBytes);
    known.set(stream, sender);
    return sender;
  }

  private constructor(multicast: Multicast, stream: Stream, maxPayloadBytes: number) {
    this.#multicast = multicast;
    this.#stream = stream;
    const { group, ports } = multicast.addressOf(stream);
    this.#group = group;
    this.#ports = ports;
    this.#packets = InterleavedPackets.of(stream, maxPayloadBytes, multicast.clock);
    this.datagrams = new DatagramSender(this.#packets, this, multicast.clock);
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

  sendRtp(track: number, bytes: Buffer, start: number, length: number): void {
    this.#send(track, bytes, start, length, 0);
  }

  sendRtcp(track: number, bytes: Uint8Array, start: number, length: number): void {
    this.#send(track, bytes, start, length, 1);
  }

  onSenderEnded(reason: string): void {
    for (const member of [...this.#members]) {
      this.leave(member);
      member.onSenderEnd(reason);
    }
  }

  #sendBye(): void {
    for (const track of this.#stream.tracks.keys()) {
      const bye = writeBye(this.#packets.ssrcOf(track));
      this.sendRtcp(track, bye, 0, bye.length);
    }
  }

  /** @param kind 0: RTP, 1: RTCP */
  #send(track: number, bytes: Uint8Array, start: number, length: number, kind: 0 | 1): void {
    const port = (this.#ports[track] as Pair)[kind];
    const egresses = this.#egresses;
    for (let i = 0; i < egresses.length; i += 1) {
      this.#multicast.send(egresses[i] as string, bytes, start, length, port, this.#group);
    }
  }
}

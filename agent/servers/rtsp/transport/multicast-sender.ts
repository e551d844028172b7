import { writeBye } from '../../../media/rtcp/write.ts';
import type { Pair } from '../../../media/rtsp/transport.ts';
import { FramedPackets } from '../../../stream/framed-packets.ts';
import type { Stream } from '../../../stream/stream.ts';
import { type FeedTarget, PacketFeed } from './datagram-sender.ts';
import type { Multicast } from './multicast.ts';

/** One reader of a group. */
export interface GroupMember {
  /** Our address in the network where it listens. */
  readonly exit: string;
  onSenderEnd(reason: string): void;
}

const senders = new WeakMap<Multicast, Map<Stream, MulticastSender>>();

/** Sends a stream to its group, once for all who read it there: from the first to the last of them. */
export class MulticastSender implements FeedTarget {
  readonly feed: PacketFeed;
  readonly #multicast: Multicast;
  readonly #stream: Stream;
  readonly #packets: FramedPackets;
  readonly #group: string;
  readonly #ports: readonly Pair[];
  readonly #members = new Set<GroupMember>();
  /** By address of ours in a network: how many of the members are there. */
  readonly #users = new Map<string, number>();
  /** The same addresses, for the way of each packet. */
  #exits: readonly string[] = [];

  /** The one that is there, or a new one: a reader is to be added at once. */
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
    const { group, ports } = multicast.placeOf(stream);
    this.#group = group;
    this.#ports = ports;
    this.#packets = FramedPackets.of(stream, maxPayloadBytes, multicast.clock);
    this.feed = new PacketFeed(this.#packets, this, multicast.clock);
    multicast.occupy(this.#group, stream);
  }

  /** What the stream keeps for new readers is sent with the first of them only: the others read along. */
  add(member: GroupMember): void {
    this.#members.add(member);
    const { exit } = member;
    const users = this.#users.get(exit) ?? 0;
    this.#users.set(exit, users + 1);
    if (users === 0) {
      this.#multicast.open(exit, this.#group, this.#stream.tracks.length);
    }
    this.#exits = [...this.#users.keys()];
    if (this.#members.size === 1) {
      this.#packets.join(this.feed);
      this.#packets.flow(this.feed);
    }
  }

  leave(member: GroupMember): void {
    if (!this.#members.delete(member)) {
      return;
    }
    if (this.#members.size === 0) {
      this.#sayGoodbye();
    }
    const { exit } = member;
    const users = (this.#users.get(exit) ?? 0) - 1;
    if (users > 0) {
      this.#users.set(exit, users);
    } else {
      this.#users.delete(exit);
      this.#multicast.close(exit, this.#group, this.#stream.tracks.length);
    }
    this.#exits = [...this.#users.keys()];
    if (this.#members.size === 0) {
      this.feed.stop();
      this.#multicast.vacate(this.#group);
      senders.get(this.#multicast)?.delete(this.#stream);
    }
  }

  get isCongested(): boolean {
    const exits = this.#exits;
    for (let i = 0; i < exits.length; i += 1) {
      if (this.#multicast.isCongested(exits[i] as string)) {
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

  onFeedEnd(reason: string): void {
    for (const member of [...this.#members]) {
      this.leave(member);
      member.onSenderEnd(reason);
    }
  }

  #sayGoodbye(): void {
    for (const track of this.#stream.tracks.keys()) {
      const bye = writeBye(this.#packets.ssrcOf(track));
      this.sendRtcp(track, bye, 0, bye.length);
    }
  }

  /** @param kind 0: RTP, 1: RTCP */
  #send(track: number, bytes: Uint8Array, start: number, length: number, kind: 0 | 1): void {
    const port = (this.#ports[track] as Pair)[kind];
    const exits = this.#exits;
    for (let i = 0; i < exits.length; i += 1) {
      this.#multicast.send(exits[i] as string, bytes, start, length, port, this.#group);
    }
  }
}

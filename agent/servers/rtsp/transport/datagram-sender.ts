import type { Clock } from '../../../base/clock.ts';
import type { FramedPackets, FramedViewer } from '../../../stream/framed-packets.ts';
import { DatagramQueue, type DatagramTarget } from './datagram-queue.ts';

/** Where a stream's packets and reports go as datagrams. */
export interface FeedTarget extends DatagramTarget {
  /** The track is wanted. */
  has(track: number): boolean;
  /** One RTCP packet: `bytes[start, start + length)`. */
  sendRtcp(track: number, bytes: Buffer, start: number, length: number): void;
  onFeedEnd(reason: string): void;
}

const FRAME_HEADER_BYTES = 4;

/** A viewer of a stream's frames that sends what is in them as datagrams: to one reader, or to a multicast group. */
export class PacketFeed implements FramedViewer {
  reports = 0;
  reportBytes = 0;
  readonly wantsPlaceholders: boolean;
  readonly #packets: FramedPackets;
  readonly #target: FeedTarget;
  readonly #queue: DatagramQueue;
  /** What was lost on the way to the network damages the picture up to the next key frame. */
  #waitsForKey = false;

  constructor(packets: FramedPackets, target: FeedTarget, clock: Clock, wantsPlaceholders = false) {
    this.wantsPlaceholders = wantsPlaceholders;
    this.#packets = packets;
    this.#target = target;
    this.#queue = new DatagramQueue(target, clock);
  }

  get sentPackets(): number {
    return this.#queue.packets;
  }

  get sentBytes(): number {
    return this.#queue.bytes + this.reportBytes;
  }

  get discarded(): number {
    return this.#queue.discarded;
  }

  /** Nothing more is sent, not even what waits. */
  stop(): void {
    this.#packets.leave(this);
    this.#queue.clear();
  }

  onChunk(chunk: Buffer, track: number, packets: number, key: boolean): boolean {
    if (!this.#target.has(track)) {
      return false;
    }
    if (this.#waitsForKey && !key) {
      this.#queue.discarded += packets;
      return false;
    }
    if (this.#queue.push(chunk, track, packets)) {
      this.#waitsForKey = false;
      this.#packets.stream.countSent(chunk.length - FRAME_HEADER_BYTES * packets);
    } else {
      // Whoever does not take the leading picture has no key frame to wait for.
      const { leadingTrack } = this.#packets;
      this.#waitsForKey = leadingTrack >= 0 && this.#target.has(leadingTrack);
    }
    // A datagram is sent after the call, whatever the queue says.
    return true;
  }

  onReport(chunk: Buffer, track: number): void {
    if (this.#target.has(track)) {
      const length = chunk.length - FRAME_HEADER_BYTES;
      this.#target.sendRtcp(track, chunk, FRAME_HEADER_BYTES, length);
      this.reports += 1;
      this.reportBytes += length;
    }
  }

  onEnd(cause?: unknown): void {
    this.#queue.clear();
    this.#target.onFeedEnd(cause === undefined ? 'the stream is over' : `the stream cannot be sent: ${cause}`);
  }
}

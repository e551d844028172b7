import type { Clock } from '../../../base/clock.ts';
import type { InterleavedPackets, InterleavedViewer } from '../../../stream/interleaved-packets.ts';
import { DatagramQueue, type DatagramTarget } from './datagram-queue.ts';

export interface DatagramSenderTarget extends DatagramTarget {
  /** The track is set up. */
  has(track: number): boolean;
  /** One RTCP packet: `bytes[start, start + length)`. */
  sendRtcp(track: number, bytes: Buffer, start: number, length: number): void;
  onSenderEnded(reason: string): void;
}

const FRAME_HEADER_BYTES = 4;

/** Sends a stream's interleaved frames as datagrams to a reader or a multicast group. */
export class DatagramSender implements InterleavedViewer {
  reports = 0;
  reportBytes = 0;
  readonly wantsPlaceholders: boolean;
  readonly #packets: InterleavedPackets;
  readonly #target: DatagramSenderTarget;
  readonly #queue: DatagramQueue;
  /** After a drop the video is damaged until the next key frame. */
  #waitsForKey = false;

  constructor(packets: InterleavedPackets, target: DatagramSenderTarget, clock: Clock, wantsPlaceholders = false) {
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

  /** Also drops queued packets. */
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
      // Without the leading video track there is no key frame to wait for.
      const { leadingTrack } = this.#packets;
      this.#waitsForKey = leadingTrack >= 0 && this.#target.has(leadingTrack);
    }
    // Queued or not, datagrams are sent after the call.
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
    this.#target.onSenderEnded(cause === undefined ? 'the stream has ended' : `the stream cannot be sent: ${cause}`);
  }
}

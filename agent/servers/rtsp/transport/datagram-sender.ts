import type { Clock } from '../../../base/clock.ts';
import type { InterleavedPackets, InterleavedViewer } from '../../../stream/interleaved-packets.ts';
import { FRAME_HEADER_BYTES } from '../../../stream/interleaved-writer.ts';
import { DatagramQueue, type DatagramTarget } from './datagram-queue.ts';
import type { SecurePackets } from './secure-packets.ts';

export interface DatagramSenderTarget extends DatagramTarget {
  /** The track is set up. */
  has(track: number): boolean;
  /** One RTCP packet: `bytes[start, start + length)`. */
  sendRtcp(track: number, bytes: Buffer, start: number, length: number): void;
  onSenderEnded(reason: string): void;
}

interface SenderOptions {
  /** For SRTP, which allows no placeholders. */
  readonly secure?: SecurePackets | undefined;
  readonly wantsPlaceholders?: boolean;
}

/** Sends a stream's interleaved frames as datagrams to a reader or a multicast group. */
export class DatagramSender implements InterleavedViewer {
  reports = 0;
  reportBytes = 0;
  readonly wantsPlaceholders: boolean;
  readonly #packets: InterleavedPackets;
  readonly #target: DatagramSenderTarget;
  readonly #queue: DatagramQueue;
  /** Undefined: plain RTP. */
  readonly #secure: SecurePackets | undefined;
  /** Packets were dropped, so the video is damaged: nothing is sent until its next key frame. */
  #waitsForKey = false;

  constructor(
    packets: InterleavedPackets,
    target: DatagramSenderTarget,
    clock: Clock,
    { secure, wantsPlaceholders = false }: SenderOptions = {},
  ) {
    this.wantsPlaceholders = wantsPlaceholders && secure === undefined;
    this.#secure = secure;
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

  /** Stops sending and drops queued packets. */
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
    const frames = this.#secure?.encrypt(chunk, track, packets) ?? chunk;
    if (this.#queue.push(frames, track, packets)) {
      this.#waitsForKey = false;
      this.#packets.stream.countSent(frames.length - FRAME_HEADER_BYTES * packets);
    } else {
      // Without the leading video track there is no key frame to wait for.
      const { leadingTrack } = this.#packets;
      this.#waitsForKey = leadingTrack >= 0 && this.#target.has(leadingTrack);
    }
    // Queued or not, datagrams are sent after the call.
    return frames === chunk;
  }

  onReport(chunk: Buffer, track: number): void {
    if (this.#target.has(track)) {
      const plain = chunk.subarray(FRAME_HEADER_BYTES);
      const report = this.#secure?.encryptReport(plain, track) ?? plain;
      this.#target.sendRtcp(track, report, 0, report.length);
      this.reports += 1;
      this.reportBytes += report.length;
    }
  }

  onEnd(cause?: unknown): void {
    this.#queue.clear();
    this.#target.onSenderEnded(cause === undefined ? 'the stream has ended' : `the stream cannot be sent: ${cause}`);
  }
}

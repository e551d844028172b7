import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { watchWrites } from '../../base/time/stall-watch.ts';
import { InterleavedPackets, type InterleavedViewer } from '../../stream/interleaved-packets.ts';
import { FRAME_HEADER_BYTES, withChannel } from '../../stream/interleaved-writer.ts';
import type { Stream } from '../../stream/stream.ts';

interface FrameLink {
  /** Bytes written but not sent. At 0 the link references no written buffer. */
  readonly queuedBytes: number;
  writeFrames(frames: Uint8Array): void;
}

interface SenderOptions {
  readonly maxPayloadBytes: number;
  /** Unsent bytes beyond which samples are dropped. */
  readonly limitBytes: number;
  /** Longest time without any byte sent while bytes wait. */
  readonly writeTimeoutMs: number;
}

/**
 * A stream's packets, interleaved in the connection to a destination (RFC 2326 §10.12): the frames that all readers share. While more than
 * `limitBytes` wait (not counting the first group of pictures) it drops everything up to the next key frame.
 */
export class FrameSender implements InterleavedViewer {
  sentBytes = 0;
  /** Resolves when the destination reads nothing for too long, or the packets cannot be made. */
  readonly failed: Promise<unknown>;
  readonly #packets: InterleavedPackets;
  readonly #link: FrameLink;
  readonly #options: SenderOptions;
  readonly #clock: Clock;
  /** Interleaved channel of RTP by track number; RTCP has the next channel. */
  readonly #channels: Uint8Array;
  #allowedBytes: number;
  #isDropping = false;
  /** Bytes written since the start, with frame headers and RTCP reports. */
  #writtenBytes = 0;
  #stopWatch: (() => void) | undefined;
  #fail: (cause: unknown) => void = () => {};

  constructor(stream: Stream, link: FrameLink, options: SenderOptions, clock: Clock) {
    this.#packets = InterleavedPackets.of(stream, options.maxPayloadBytes, clock);
    this.#link = link;
    this.#options = options;
    this.#clock = clock;
    this.#channels = Uint8Array.from(stream.tracks, (_, track) => 2 * track);
    this.#allowedBytes = options.limitBytes;
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
  }

  setChannel(track: number, rtp: number): void {
    this.#channels[track] = rtp;
  }

  start(): void {
    const { writeTimeoutMs } = this.#options;
    this.#stopWatch = watchWrites(this.#clock, writeTimeoutMs, this, () =>
      this.#fail(new PerchError('timeout', `destination has read nothing for ${writeTimeoutMs / 1000} s`)),
    );
    this.#packets.join(this);
    this.#allowedBytes = Number.POSITIVE_INFINITY;
    this.#packets.flow(this);
    this.#allowedBytes = this.#options.limitBytes + this.#link.queuedBytes;
  }

  close(): void {
    this.#stopWatch?.();
    this.#packets.leave(this);
  }

  onChunk(chunk: Buffer, track: number, packets: number, key: boolean): boolean {
    const { limitBytes } = this.#options;
    const queuedBytes = this.#link.queuedBytes;
    if (this.#isDropping) {
      this.#isDropping = !key || queuedBytes > limitBytes / 2;
    } else {
      this.#isDropping = queuedBytes > this.#allowedBytes;
    }
    if (this.#isDropping) {
      return false;
    }
    // The first group counts only after all of it is written.
    if (queuedBytes <= limitBytes && this.#allowedBytes !== Number.POSITIVE_INFINITY) {
      this.#allowedBytes = limitBytes;
    }
    const channel = this.#channels[track] as number;
    this.#write(channel === 2 * track ? chunk : withChannel(chunk, channel));
    const bytes = chunk.length - FRAME_HEADER_BYTES * packets;
    this.sentBytes += bytes;
    this.#packets.stream.countSent(bytes);
    return this.#link.queuedBytes > 0;
  }

  onReport(chunk: Buffer, track: number): void {
    if (!this.#isDropping) {
      const channel = this.#channels[track] as number;
      this.#write(channel === 2 * track ? chunk : withChannel(chunk, channel + 1));
    }
  }

  onEnd(cause?: unknown): void {
    // The end of the stream itself ends the run by its signal.
    if (cause !== undefined) {
      this.#fail(cause);
    }
  }

  #write(frames: Buffer): void {
    this.#writtenBytes += frames.length;
    this.#link.writeFrames(frames);
  }

  /** Read by `watchWrites`. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  get queuedBytes(): number {
    return this.#link.queuedBytes;
  }
}

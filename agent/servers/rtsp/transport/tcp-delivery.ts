import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import type { Transport } from '../../../media/rtsp/transport.ts';
import { FramedPackets, type FramedViewer } from '../../../stream/framed-packets.ts';
import type { Delivery, MediaOwner, ReaderRequest, Received, Sent, TrackStart } from './media-plane.ts';
import { ReaderReports } from './reader-reports.ts';

/** Where frames go. */
export interface FrameLink {
  /** Bytes that were written and have not left yet. At 0 nothing that was written is referred to any more. */
  readonly queuedBytes: number;
  write(bytes: Uint8Array): void;
}

/** What a packet of a queue of packets counts for: one Ethernet frame's worth of UDP. */
const PACKET_BYTES = 1_472;
const NO_CHANNEL = -1;
const CHANNELS = 256;
const FRAME_HEADER_BYTES = 4;

/**
 * A reader's packets within its connection, RFC 2326 §10.12. The frames of a stream are the same for all readers that have taken
 * the usual channels, and are written as they are; for others they are copied with their channels.
 *
 * A reader may leave `writeQueueSize` × 1,472 bytes waiting (beside the group that it began with): when there is more as the next
 * sample comes it is too slow and is cut off. A single sample, however large, never is too much.
 */
export class TcpDelivery implements Delivery, FramedViewer {
  readonly kind = 'tcp';
  readonly wantsPlaceholders: boolean;
  /** Receiver reports say nothing about the life of a connection. */
  readonly heardMs = 0;
  readonly #packets: FramedPackets;
  readonly #reports: ReaderReports;
  readonly #clock: Clock;
  readonly #link: FrameLink;
  readonly #owner: MediaOwner;
  readonly #limitBytes: number;
  /** By track. */
  readonly #rtpChannels: Int16Array;
  readonly #rtcpChannels: Int16Array;
  /** Which channels are in use. */
  readonly #isTaken = new Uint8Array(CHANNELS);
  #allowedBytes: number;
  #sentBytes = 0;
  #sentPackets = 0;
  #sentReports = 0;
  #discarded = 0;

  constructor(
    { stream, owner, wantsPlaceholders }: ReaderRequest,
    link: FrameLink,
    options: { readonly writeQueueSize: number; readonly maxPayloadBytes: number },
    clock: Clock,
  ) {
    this.wantsPlaceholders = wantsPlaceholders;
    this.#packets = FramedPackets.of(stream, options.maxPayloadBytes, clock);
    this.#reports = new ReaderReports(this.#packets);
    this.#clock = clock;
    this.#link = link;
    this.#owner = owner;
    this.#limitBytes = options.writeQueueSize * PACKET_BYTES;
    this.#allowedBytes = this.#limitBytes;
    const tracks = stream.tracks.length;
    this.#rtpChannels = new Int16Array(tracks).fill(NO_CHANNEL);
    this.#rtcpChannels = new Int16Array(tracks).fill(NO_CHANNEL);
  }

  get sent(): Sent {
    return {
      bytes: this.#sentBytes,
      rtpPackets: this.#sentPackets,
      rtcpPackets: this.#sentReports,
      reportedLost: this.#reports.lost,
      discarded: this.#discarded,
    };
  }

  get received(): Received {
    return this.#reports.received;
  }

  setUp(track: number, wanted: Transport): Transport {
    const [rtp, rtcp] = wanted.interleaved ?? this.#freePair(track);
    if (rtp === rtcp || this.#isTaken[rtp] !== 0 || this.#isTaken[rtcp] !== 0) {
      throw new PerchError('unsupported', `interleaved channels ${rtp}-${rtcp} are taken`);
    }
    this.#isTaken[rtp] = 1;
    this.#isTaken[rtcp] = 1;
    this.#rtpChannels[track] = rtp;
    this.#rtcpChannels[track] = rtcp;
    return {
      protocol: 'tcp',
      isSecure: false,
      isMulticast: false,
      interleaved: [rtp, rtcp],
      ssrc: this.#packets.ssrcOf(track),
    };
  }

  start(): readonly TrackStart[] {
    return this.#packets.join(this).filter(({ track }) => this.#rtpChannels[track] !== NO_CHANNEL);
  }

  flow(): void {
    const queuedBytes = this.#link.queuedBytes;
    if (queuedBytes > this.#limitBytes) {
      // PAUSE and PLAY, again and again, would each add the group to what waits.
      this.#cutOff(queuedBytes);
      return;
    }
    // A reader begins with everything since the last key frame, which may be more than may wait later.
    this.#allowedBytes = Number.POSITIVE_INFINITY;
    this.#packets.flow(this);
    this.#allowedBytes = this.#limitBytes + this.#link.queuedBytes;
  }

  stop(): void {
    this.#packets.leave(this);
  }

  close(): void {
    this.#packets.leave(this);
  }

  onChunk(chunk: Buffer, track: number, packets: number): boolean {
    const channel = this.#rtpChannels[track] as number;
    if (channel === NO_CHANNEL) {
      return false;
    }
    const queuedBytes = this.#link.queuedBytes;
    if (queuedBytes > this.#allowedBytes) {
      this.#discarded += packets;
      this.#cutOff(queuedBytes);
      return false;
    }
    if (queuedBytes <= this.#limitBytes) {
      this.#allowedBytes = this.#limitBytes;
    }
    this.#link.write(channel === 2 * track ? chunk : withChannel(chunk, channel));
    const bytes = chunk.length - FRAME_HEADER_BYTES * packets;
    this.#sentBytes += bytes;
    this.#sentPackets += packets;
    this.#packets.stream.countSent(bytes);
    return this.#link.queuedBytes > 0;
  }

  onReport(chunk: Buffer, track: number): void {
    const channel = this.#rtcpChannels[track] as number;
    if (channel !== NO_CHANNEL) {
      this.#link.write(channel === 2 * track + 1 ? chunk : withChannel(chunk, channel));
      this.#sentBytes += chunk.length - FRAME_HEADER_BYTES;
      this.#sentReports += 1;
    }
  }

  onEnd(cause?: unknown): void {
    // Without a cause the stream is over, which the session learns as its reader.
    if (cause !== undefined) {
      this.#owner.onMediaEnd(`the stream cannot be sent: ${explain(cause)}`);
    }
  }

  /** RTCP of the reader; whatever else it sends is passed over. */
  onFrame(chunk: Uint8Array, channel: number, start: number, end: number): void {
    if (this.#rtcpChannels.includes(channel)) {
      this.#reports.take(chunk.subarray(start, end), this.#clock.monoMs());
    }
  }

  #cutOff(queuedBytes: number): void {
    this.#packets.leave(this);
    this.#owner.onMediaEnd(`reader is too slow: ${queuedBytes} bytes wait, at most ${this.#limitBytes} may`);
  }

  /** For a reader that leaves the choice to us. */
  #freePair(track: number): readonly [number, number] {
    for (let rtp = 2 * track; rtp < CHANNELS; rtp += 2) {
      if (this.#isTaken[rtp] === 0 && this.#isTaken[rtp + 1] === 0) {
        return [rtp, rtp + 1];
      }
    }
    throw new PerchError('unsupported', 'no interleaved channel is free');
  }
}

/** The frames of a chunk with another channel; the chunk itself is everybody's. */
function withChannel(chunk: Buffer, channel: number): Buffer {
  const copy = Buffer.allocUnsafe(chunk.length);
  copy.set(chunk);
  for (
    let at = 0;
    at < copy.length;
    at += FRAME_HEADER_BYTES + (((copy[at + 2] as number) << 8) | (copy[at + 3] as number))
  ) {
    copy[at + 1] = channel;
  }
  return copy;
}

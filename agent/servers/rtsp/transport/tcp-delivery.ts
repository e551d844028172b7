import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import type { MikeyMessage } from '../../../media/mikey/message.ts';
import type { Transport } from '../../../media/rtsp/transport.ts';
import { InterleavedPackets, type InterleavedViewer } from '../../../stream/interleaved-packets.ts';
import { FRAME_HEADER_BYTES, withChannel } from '../../../stream/interleaved-writer.ts';
import type { Delivery, MediaOwner, ReaderRequest, ReceiveCounts, SendCounts, TrackStart } from './media-plane.ts';
import { ReaderReports } from './reader-reports.ts';
import { SecurePackets } from './secure-packets.ts';

interface FrameLink {
  /** Bytes written but not sent. At 0 the link holds no written buffer any more. */
  readonly queuedBytes: number;
  write(bytes: Uint8Array): void;
}

/** Bytes that one packet of `writeQueueSize` stands for: the UDP payload of an Ethernet frame. */
const PACKET_BYTES = 1_472;
const NO_CHANNEL = -1;
const CHANNELS = 256;

/**
 * A reader's packets, interleaved in its connection, RFC 2326 §10.12. All readers with the default channels share a
 * stream's frames without a copy; others get copies with their channels.
 * A reader may leave `writeQueueSize` × 1,472 bytes unread (not counting its first GOP). If there is more when the next
 * sample arrives, it is disconnected as too slow. A single sample of any size is allowed.
 */
export class TcpDelivery implements Delivery, InterleavedViewer {
  readonly kind = 'tcp';
  /** Unused: the connection itself shows that the reader is alive. */
  readonly lastReceivedMs = 0;
  readonly #wantsPlaceholders: boolean;
  readonly #packets: InterleavedPackets;
  readonly #reports: ReaderReports;
  readonly #clock: Clock;
  readonly #link: FrameLink;
  readonly #owner: MediaOwner;
  readonly #limitBytes: number;
  /** RTP and RTCP channels by track. */
  readonly #rtpChannels: Int16Array;
  readonly #rtcpChannels: Int16Array;
  /** Whether a channel is used, by channel. */
  readonly #isUsed = new Uint8Array(CHANNELS);
  #secure: SecurePackets | undefined;
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
    this.#wantsPlaceholders = wantsPlaceholders;
    this.#packets = InterleavedPackets.of(stream, options.maxPayloadBytes, clock);
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

  get isSecure(): boolean {
    return this.#secure !== undefined;
  }

  get wantsPlaceholders(): boolean {
    return this.#wantsPlaceholders && !this.#secure;
  }

  get sent(): SendCounts {
    return {
      bytes: this.#sentBytes,
      rtpPackets: this.#sentPackets,
      rtcpPackets: this.#sentReports,
      reportedLost: this.#reports.lost,
      discarded: this.#discarded,
    };
  }

  get received(): ReceiveCounts {
    return this.#reports.received;
  }

  setUp(track: number, wanted: Transport, key?: MikeyMessage): Transport {
    const [rtp, rtcp] = wanted.interleaved ?? this.#freeChannels(track);
    if (rtp === rtcp || this.#isUsed[rtp] !== 0 || this.#isUsed[rtcp] !== 0) {
      throw new PerchError('unsupported', `interleaved channels ${rtp}-${rtcp} are in use`);
    }
    this.#isUsed[rtp] = 1;
    this.#isUsed[rtcp] = 1;
    this.#rtpChannels[track] = rtp;
    this.#rtcpChannels[track] = rtcp;
    if (wanted.isSecure) {
      this.#secure ??= SecurePackets.of(this.#packets);
      if (key) {
        this.#reports.decrypt(track, key);
      }
    }
    return {
      protocol: 'tcp',
      isSecure: wanted.isSecure,
      isMulticast: false,
      interleaved: [rtp, rtcp],
      ssrc: this.#packets.ssrcOf(track),
    };
  }

  keyOf(track: number): MikeyMessage | undefined {
    return this.#secure?.messageOf(track, this.#clock.wallMs());
  }

  start(): readonly TrackStart[] {
    return this.#packets.join(this).filter(({ track }) => this.#rtpChannels[track] !== NO_CHANNEL);
  }

  flow(): void {
    const queuedBytes = this.#link.queuedBytes;
    if (queuedBytes > this.#limitBytes) {
      // Repeated PAUSE and PLAY would each add a GOP to the queue.
      this.#disconnect(queuedBytes);
      return;
    }
    // A reader starts with the cached GOP, which may exceed the limit.
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
      this.#disconnect(queuedBytes);
      return false;
    }
    // The first GOP counts only after all of it is written.
    if (queuedBytes <= this.#limitBytes && this.#allowedBytes !== Number.POSITIVE_INFINITY) {
      this.#allowedBytes = this.#limitBytes;
    }
    const frames = this.#secure?.encrypt(chunk, track, packets) ?? chunk;
    if (frames.length === 0) {
      this.#discarded += packets;
      return false;
    }
    this.#link.write(channel === 2 * track ? frames : withChannel(frames, channel));
    const bytes = frames.length - FRAME_HEADER_BYTES * packets;
    this.#sentBytes += bytes;
    this.#sentPackets += packets;
    this.#packets.stream.countSent(bytes);
    return frames === chunk && this.#link.queuedBytes > 0;
  }

  onReport(chunk: Buffer, track: number): void {
    const channel = this.#rtcpChannels[track] as number;
    if (channel === NO_CHANNEL) {
      return;
    }
    const frame = this.#secure ? this.#secureFrame(this.#secure, chunk, track) : chunk;
    this.#link.write(channel === 2 * track + 1 ? frame : withChannel(frame, channel));
    this.#sentBytes += frame.length - FRAME_HEADER_BYTES;
    this.#sentReports += 1;
  }

  onEnd(cause?: unknown): void {
    // Without a cause the stream has ended; the session, which is its reader, is notified of that separately.
    if (cause !== undefined) {
      this.#owner.onMediaEnd(`the stream cannot be sent: ${explain(cause)}`);
    }
  }

  /** RTCP of the reader; other frames are ignored. */
  onFrame(chunk: Uint8Array, channel: number, start: number, end: number): void {
    const track = this.#rtcpChannels.indexOf(channel);
    if (track < 0) {
      return;
    }
    const nowMs = this.#clock.monoMs();
    if (this.#secure) {
      this.#reports.takeSecure(Buffer.from(chunk.subarray(start, end)), track, nowMs);
    } else {
      this.#reports.take(chunk.subarray(start, end), nowMs);
    }
  }

  #secureFrame(secure: SecurePackets, chunk: Buffer, track: number): Buffer {
    const report = secure.encryptReport(chunk.subarray(FRAME_HEADER_BYTES), track);
    const head = Buffer.from(chunk.subarray(0, FRAME_HEADER_BYTES));
    head.writeUInt16BE(report.length, 2);
    return Buffer.concat([head, report]);
  }

  #disconnect(queuedBytes: number): void {
    this.#packets.leave(this);
    this.#owner.onMediaEnd(`reader is too slow: ${queuedBytes} bytes unread, limit ${this.#limitBytes}`);
  }

  /** Channels for a reader that requests none. */
  #freeChannels(track: number): readonly [number, number] {
    for (let rtp = 2 * track; rtp < CHANNELS; rtp += 2) {
      if (this.#isUsed[rtp] === 0 && this.#isUsed[rtp + 1] === 0) {
        return [rtp, rtp + 1];
      }
    }
    throw new PerchError('unsupported', 'no interleaved channel is free');
  }
}

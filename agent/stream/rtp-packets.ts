import { packetizeParameters, packetizerOf } from '../media/create-packetizer.ts';
import type { Packetize, PayloadSink } from '../media/packetizer.ts';
import type { Sample } from '../media/sample.ts';
import type { Track } from '../media/track.ts';
import type { Reader, Stream } from './stream.ts';

/** With the RTP header and the SRTP tag a packet stays below 1,232 bytes: it fits the smallest IPv6 path (RFC 8200 §5). */
export const MAX_PAYLOAD_BYTES = 1_188;
/** How far a viewer may look back. */
const SLOT_COUNT = 4_096;
const SLOT_MASK = SLOT_COUNT - 1;
/** Viewers are told at the latest after this many packets, so that a large key frame is on its way before it is all cut. */
const MAX_UNTOLD = 64;

/** A packet with this flag is the first of a key frame, parameter sets included: a viewer can start here. */
const GROUP_START = 2;
const MARKER = 1;

/** What browsers take over RTP; the rest is not cut for them. */
const BROWSER_CODECS: ReadonlySet<Track['codec']> = new Set([
  'h264',
  'h265',
  'av1',
  'vp8',
  'vp9',
  'opus',
  'g711',
  'g722',
]);

/** One receiver of a stream's RTP packets. Called synchronously; it never blocks and never throws. */
export interface RtpViewer {
  /** Packets `from` up to, not including, `to` are new. */
  onPackets(packets: RtpPackets, from: number, to: number): void;
  /** The video has B-frames, which no RTP viewer can show: nothing more will come. */
  onReordered(): void;
  /** The viewer, or what cuts the packets, threw: nothing more will come. */
  onFailed(cause: unknown): void;
}

const packetsOf = new WeakMap<Stream, RtpPackets>();

/**
 * A stream as RTP payloads, cut once for all viewers. It is there from the first viewer to the last.
 * Packets are numbered from 0; number n lies in slot n mod 4,096, so the last 4,096 can be read.
 */
export class RtpPackets implements Reader, PayloadSink {
  readonly type = 'hidden';
  readonly id = 'rtp-packets';
  readonly countsHolds = true;
  /** Payloads, each at the start of its slot: word-aligned, for those who encrypt them. */
  readonly words = new Uint32Array((SLOT_COUNT * MAX_PAYLOAD_BYTES) / 4);
  /** Latest sample of each track, for sender reports: RTP time before any offset, and its capture as Unix milliseconds. */
  readonly lastPts: Float64Array;
  readonly lastWall: Float64Array;
  readonly #bytes = new Uint8Array(this.words.buffer);
  readonly #payloadBytes = new Uint16Array(SLOT_COUNT);
  readonly #timestamps = new Uint32Array(SLOT_COUNT);
  readonly #tracks = new Uint8Array(SLOT_COUNT);
  readonly #flags = new Uint8Array(SLOT_COUNT);
  readonly #stream: Stream;
  readonly #packetize: readonly (Packetize | undefined)[];
  readonly #descriptions: Track[];
  #viewers: readonly RtpViewer[] = [];
  #written = 0;
  #told = 0;
  // Of the sample that is being cut.
  #track = 0;
  #pts = 0;
  #startsGroup = false;

  /** Adds a viewer; it gets the packets of every sample from the next one on. */
  static join(stream: Stream, viewer: RtpViewer): RtpPackets {
    let packets = packetsOf.get(stream);
    if (!packets) {
      packets = new RtpPackets(stream);
      packetsOf.set(stream, packets);
      stream.addReader(packets, false);
    }
    packets.#viewers = [...packets.#viewers, viewer];
    return packets;
  }

  private constructor(stream: Stream) {
    this.#stream = stream;
    this.lastPts = new Float64Array(stream.tracks.length);
    this.lastWall = new Float64Array(stream.tracks.length);
    this.#packetize = stream.tracks.map((track) => (BROWSER_CODECS.has(track.codec) ? packetizerOf(track) : undefined));
    this.#descriptions = [...stream.tracks];
  }

  leave(viewer: RtpViewer): void {
    this.#viewers = this.#viewers.filter((other) => other !== viewer);
    if (this.#viewers.length === 0 && packetsOf.get(this.#stream) === this) {
      packetsOf.delete(this.#stream);
      this.#stream.removeReader(this);
    }
  }

  trackOf(packet: number): number {
    return this.#tracks[packet & SLOT_MASK] as number;
  }

  /** RTP time before any offset, 32 bits. */
  timestampOf(packet: number): number {
    return this.#timestamps[packet & SLOT_MASK] as number;
  }

  markerOf(packet: number): number {
    return (this.#flags[packet & SLOT_MASK] as number) & MARKER;
  }

  startsGroup(packet: number): boolean {
    return ((this.#flags[packet & SLOT_MASK] as number) & GROUP_START) !== 0;
  }

  payloadBytesOf(packet: number): number {
    return this.#payloadBytes[packet & SLOT_MASK] as number;
  }

  /** Where the payload begins in `words`. */
  wordOf(packet: number): number {
    return (packet & SLOT_MASK) * (MAX_PAYLOAD_BYTES / 4);
  }

  onSample(track: number, sample: Sample): void {
    const packetize = this.#packetize[track];
    if (!packetize) {
      return;
    }
    this.#track = track;
    this.#pts = sample.pts;
    const description = this.#descriptions[track] as Track;
    if (description.kind === 'video') {
      if (sample.pts !== sample.dts) {
        this.#refuse();
        return;
      }
      if (sample.key) {
        this.#startsGroup = true;
        packetizeParameters(description, MAX_PAYLOAD_BYTES, this);
      }
    }
    packetize(sample.data, MAX_PAYLOAD_BYTES, true, this);
    this.lastPts[track] = sample.pts;
    this.lastWall[track] = sample.wall;
    this.#tell();
  }

  onTrack(track: number, description: Track): void {
    this.#descriptions[track] = description;
  }

  onEnd(cause?: unknown): void {
    packetsOf.delete(this.#stream);
    const viewers = this.#viewers;
    this.#viewers = [];
    // Without a cause the stream is over, which viewers learn as its readers.
    for (const viewer of cause === undefined ? [] : viewers) {
      viewer.onFailed(cause);
    }
  }

  onPayload(prefix: number, prefixBytes: number, data: Uint8Array, start: number, end: number, marker: boolean): void {
    const slot = this.#written & SLOT_MASK;
    let at = slot * MAX_PAYLOAD_BYTES;
    for (let shift = 8 * (prefixBytes - 1); shift >= 0; shift -= 8) {
      this.#bytes[at] = prefix >>> shift;
      at += 1;
    }
    this.#bytes.set(data.subarray(start, end), at);
    this.#payloadBytes[slot] = prefixBytes + end - start;
    // A typed array of 32 bits takes the number modulo 2^32, as RTP time wraps.
    this.#timestamps[slot] = this.#pts;
    this.#tracks[slot] = this.#track;
    this.#flags[slot] = (marker ? MARKER : 0) | (this.#startsGroup ? GROUP_START : 0);
    this.#startsGroup = false;
    // Numbers stay exact in 32-bit masks for 2^53 packets.
    this.#written += 1;
    if (this.#written - this.#told >= MAX_UNTOLD) {
      this.#tell();
    }
  }

  #tell(): void {
    const from = this.#told;
    this.#told = this.#written;
    const viewers = this.#viewers;
    for (let i = 0; i < viewers.length; i += 1) {
      const viewer = viewers[i] as RtpViewer;
      try {
        viewer.onPackets(this, from, this.#written);
      } catch (cause) {
        // One viewer's fault is not the others'.
        this.leave(viewer);
        viewer.onFailed(cause);
      }
    }
  }

  #refuse(): void {
    for (const viewer of this.#viewers) {
      viewer.onReordered();
    }
  }
}

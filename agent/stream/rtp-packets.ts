import { codecOf } from '../media/codecs.ts';
import type { Packetize, PayloadSink } from '../media/payload/packetizer.ts';
import type { Sample } from '../media/sample/sample.ts';
import type { Track } from '../media/sample/track.ts';
import { AudioTimes } from './audio-times.ts';
import { MAX_REPLAY_BYTES } from './gop-cache.ts';
import { PacketRing, type RingLimits } from './packet-ring.ts';
import type { Reader, Stream } from './stream.ts';

/** With the RTP header and the SRTP tag a packet stays below 1,232 bytes: it fits the smallest IPv6 path (RFC 8200 §5). */
export const MAX_PAYLOAD_BYTES = 1_188;
/** Viewers are notified after at most this many packets, so that sending a large key frame starts before it is completely packetized. */
const MAX_UNNOTIFIED = 64;

/** In addition to the group: the second before it, and the alignment of payloads. */
const LIMITS: RingLimits = { groupBytes: MAX_REPLAY_BYTES, ringBytes: MAX_REPLAY_BYTES + (2 << 20) };

/** One receiver of a stream's RTP packets. Called synchronously; it never blocks and never throws. */
export interface RtpViewer {
  /** Packets from `from` to before `to` are new, all of one track. */
  onPackets(packets: RtpPackets, from: number, to: number): void;
  /** The video track has B-frames, which browsers cannot show: it ends. */
  onReordered(track: number): void;
  /** The last call: the viewer or the packetizer threw `cause`. */
  onFailed(cause: unknown): void;
}

const packetsOf = new WeakMap<Stream, RtpPackets>();

/**
 * A stream as RTP payloads, packetized once for all viewers. It exists from the first viewer to the last; for the first one it packetizes
 * the cached group, which takes some milliseconds.
 */
export class RtpPackets extends PacketRing implements Reader, PayloadSink {
  readonly id = 'rtp-packets';
  readonly countsHolds = true;
  readonly mayLosePictures = true;
  /** Latest sample of each track, for sender reports: RTP time before any offset, and capture in Unix milliseconds. */
  readonly lastPts: Float64Array;
  readonly lastWall: Float64Array;
  /** Capture of the key frame at `groupStart`, Unix milliseconds. */
  groupWall = 0;
  /** RTP time between the latest two samples of each track. */
  readonly lastStep: Float64Array;
  /** The video track of `groupStart`; -1: none that a viewer can play. */
  readonly leadingTrack: number;
  readonly #stream: Stream;
  readonly #packetize: readonly (Packetize | undefined)[];
  readonly #descriptions: Track[];
  readonly #audioTimes: readonly AudioTimes[];
  #viewers: readonly RtpViewer[] = [];
  #notified = 0;
  #isStill = false;
  #stillStart = -1;
  #stillEnd = -1;

  /** Adds a viewer, which gets packets from the next sample on. */
  static join(stream: Stream, viewer: RtpViewer): RtpPackets {
    let packets = packetsOf.get(stream);
    if (!packets) {
      packets = new RtpPackets(stream);
      packetsOf.set(stream, packets);
      stream.addReader(packets, true);
    }
    packets.#viewers = [...packets.#viewers, viewer];
    return packets;
  }

  private constructor(stream: Stream) {
    super(LIMITS, stream.keptBytes);
    this.#stream = stream;
    this.leadingTrack = stream.tracks.findIndex((track) => track.kind === 'video' && codecOf(track).webrtc);
    this.lastPts = new Float64Array(stream.tracks.length);
    this.lastWall = new Float64Array(stream.tracks.length);
    this.lastStep = new Float64Array(stream.tracks.length);
    this.#packetize = stream.tracks.map((track) => {
      const { packetize, webrtc } = codecOf(track);
      return webrtc && packetize;
    });
    this.#descriptions = [...stream.tracks];
    this.#audioTimes = stream.tracks.map(() => new AudioTimes());
  }

  leave(viewer: RtpViewer): void {
    this.#viewers = this.#viewers.filter((other) => other !== viewer);
    if (this.#viewers.length === 0 && packetsOf.get(this.#stream) === this) {
      packetsOf.delete(this.#stream);
      this.#stream.removeReader(this);
    }
  }

  /**
   * For a newest group that cannot be replayed: packets from here to `stillEnd` are its key frame; -1: there is none.
   * Packetizes the key frame again if it is no longer in the ring; viewers are not notified.
   * Not to be called from `onPackets`.
   */
  putStill(): number {
    if (!this.has(this.#stillStart)) {
      this.#stillStart = -1;
      this.#isStill = true;
      this.#stream.replayKey(this);
      this.#isStill = false;
      this.#notified = this.written;
    }
    return this.#stillStart;
  }

  get stillEnd(): number {
    return this.#stillEnd;
  }

  onSample(track: number, sample: Sample): void {
    const packetize = this.#packetize[track];
    if (!packetize) {
      return;
    }
    const description = this.#descriptions[track] as Track;
    if (description.kind === 'video' && sample.pts !== sample.dts) {
      for (const viewer of this.#viewers) {
        viewer.onReordered(track);
      }
      return;
    }
    if (this.#isStill) {
      this.#packetizeStill(track, sample, packetize);
      return;
    }
    const times = description.kind === 'audio' ? this.#audioTimes[track] : undefined;
    this.begin({ track, pts: times?.place(description, sample.pts, sample.data) ?? sample.pts, wall: sample.wall });
    const pts = sample.pts + (times?.offsetTicks ?? 0);
    // Before viewers are notified of the first packets of a large picture.
    this.lastStep[track] = pts - (this.lastPts[track] as number);
    this.lastPts[track] = pts;
    this.lastWall[track] = sample.wall;
    if (description.kind === 'video' && sample.key) {
      this.#beginKey(track, sample.wall);
      codecOf(description).packetizeParameters?.(description, MAX_PAYLOAD_BYTES, this);
    }
    packetize(sample.data, MAX_PAYLOAD_BYTES, true, this);
    this.#notify();
  }

  onTrack(track: number, description: Track): void {
    this.#descriptions[track] = description;
    // The stream has dropped its group as well: a key frame follows.
    this.endGroup();
    this.#stillStart = -1;
  }

  onEnd(cause?: unknown): void {
    packetsOf.delete(this.#stream);
    const viewers = this.#viewers;
    this.#viewers = [];
    // Without a cause the stream has ended: viewers learn that as readers of the stream.
    for (const viewer of cause === undefined ? [] : viewers) {
      viewer.onFailed(cause);
    }
  }

  onPayload(prefix: number, prefixBytes: number, data: Uint8Array, start: number, end: number, marker: boolean): void {
    if (prefixBytes + end - start > MAX_PAYLOAD_BYTES) {
      // The payload would not fit a viewer's slot.
      return;
    }
    this.put(prefix, prefixBytes, data, start, end, marker, this.#isStill);
    if (this.written - this.#notified >= MAX_UNNOTIFIED && !this.#isStill) {
      this.#notify();
    }
  }

  #notify(): void {
    const from = this.#notified;
    const to = this.written;
    this.#notified = to;
    const viewers = this.#viewers;
    for (let i = 0; i < viewers.length; i += 1) {
      const viewer = viewers[i] as RtpViewer;
      try {
        viewer.onPackets(this, from, to);
      } catch (cause) {
        // A viewer's failure does not affect the others.
        this.leave(viewer);
        viewer.onFailed(cause);
      }
    }
  }

  #beginKey(track: number, wall: number): void {
    const isLeading = track === this.leadingTrack;
    this.beginGroup(isLeading);
    if (isLeading) {
      this.groupWall = wall;
      this.#stillStart = -1;
    }
  }

  #packetizeStill(track: number, sample: Sample, packetize: Packetize): void {
    if (this.lastWall[track] === 0) {
      this.lastPts[track] = sample.pts;
      this.lastWall[track] = sample.wall;
    }
    // The ring keeps the packets as new ones, although the picture is old.
    this.begin({ track, pts: sample.pts, wall: this.lastWall[track] as number });
    this.#stillStart = this.written;
    const description = this.#descriptions[track] as Track;
    codecOf(description).packetizeParameters?.(description, MAX_PAYLOAD_BYTES, this);
    packetize(sample.data, MAX_PAYLOAD_BYTES, true, this);
    this.#stillEnd = this.written;
  }
}

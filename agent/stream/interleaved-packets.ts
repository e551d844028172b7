import type { Clock } from '../base/clock.ts';
import { codecOf } from '../media/codecs.ts';
import type { Packetize } from '../media/payload/packetizer.ts';
import { writeSenderReport } from '../media/rtcp/write.ts';
import type { Sample } from '../media/sample/sample.ts';
import { release } from '../media/sample/slab.ts';
import type { Track } from '../media/sample/track.ts';
import { InterleavedGroup } from './interleaved-group.ts';
import { FRAME_HEADER_BYTES, InterleavedWriter } from './interleaved-writer.ts';
import { Placeholders } from './placeholders.ts';
import { ReportedTime } from './reported-time.ts';
import type { Reader, Stream } from './stream.ts';

const REPORT_EVERY_MS = 10_000;
/** How far a report may move the time of the one before: the clocks of two tracks drift apart more slowly. */
const REPORT_REACH_MS = 1;
const CNAME = 'perch';

/**
 * One receiver of a stream's interleaved frames (RFC 2326 §10.12), whose channels are twice the track's number for RTP and the
 * next for RTCP. Called synchronously; it never blocks and never throws.
 */
export interface InterleavedViewer {
  /** Its first key frame needs placeholders ahead of it, see there. */
  readonly wantsPlaceholders?: boolean;
  /**
   * The RTP packets of one sample, each a frame, one behind the other.
   * @param packets how many
   * @param key a viewer that has lost frames can continue here: a key frame of the leading video track, parameter sets included;
   * in a stream without video every chunk
   * @returns whether the chunk has to stay as it is beyond the call: it has not left yet
   */
  onChunk(chunk: Buffer, track: number, packets: number, key: boolean): boolean;
  /** A sender report (RTCP), as one frame: before a viewer's first packet of the track where possible, then every 10 s. */
  onReport(chunk: Buffer, track: number): void;
  /** Nothing more will come: the stream is over, or the viewer, or what cuts the packets, threw `cause`. */
  onEnd(cause?: unknown): void;
}

/** Where a track begins for a viewer: what RTP-Info says (RFC 2326 §12.33). */
interface InterleavedStart {
  readonly track: number;
  /** Of the first packet that the viewer gets. */
  readonly sequence: number;
  /** RTP time of one moment, the same for all tracks: the start of the oldest packet among them. */
  readonly rtpTime: number;
}

const packetsOf = new WeakMap<Stream, InterleavedPackets>();

/**
 * A stream as RTP packets in interleaved frames, cut and written once for all viewers over TCP, UDP and multicast: they get the
 * same bytes. SSRCs, sequence numbers and RTP time live as long as the stream, so that nothing has to be patched for anybody; work is
 * done, and the running group of pictures is kept, only while there are viewers.
 */
export class InterleavedPackets implements Reader {
  readonly id = 'interleaved-packets';
  /** Samples are copied into frames at once. */
  readonly countsHolds = true;
  readonly stream: Stream;
  /** The video track whose key frames viewers begin at; -1: there is none. */
  readonly leadingTrack: number;
  readonly #clock: Clock;
  readonly #writer: InterleavedWriter;
  readonly #group: InterleavedGroup;
  readonly #placeholders: Placeholders;
  readonly #packetize: readonly (Packetize | undefined)[];
  readonly #descriptions: Track[];
  /** Latest sample of each track; wall 0: none yet. */
  readonly #lastPts: Float64Array;
  readonly #lastWall: Float64Array;
  #maxPayloadBytes: number;
  // Copied on change, so that delivery walks a plain array while viewers come and go.
  #viewers: readonly InterleavedViewer[] = [];
  /** Joined, but `flow` has not been called. */
  readonly #joined = new Set<InterleavedViewer>();
  /** Joined while there was no group to begin with. */
  #waiting: readonly InterleavedViewer[] = [];
  #stopReports: (() => void) | undefined;
  /** The times in the reports so far, by track. */
  #reported: readonly ReportedTime[] = [];

  /** @param maxPayloadBytes of RTP payloads: `udpMaxPayloadSize` without the RTP header; another value holds when all viewers have left */
  static of(stream: Stream, maxPayloadBytes: number, clock: Clock): InterleavedPackets {
    let packets = packetsOf.get(stream);
    if (!packets) {
      packets = new InterleavedPackets(stream, maxPayloadBytes, clock);
      packetsOf.set(stream, packets);
    }
    if (!packets.#stopReports) {
      packets.#maxPayloadBytes = maxPayloadBytes;
    }
    return packets;
  }

  private constructor(stream: Stream, maxPayloadBytes: number, clock: Clock) {
    this.stream = stream;
    this.#clock = clock;
    this.#maxPayloadBytes = maxPayloadBytes;
    this.#writer = new InterleavedWriter(stream.tracks);
    this.#group = new InterleavedGroup(stream.tracks.length);
    this.#packetize = stream.tracks.map((track) => codecOf(track).packetize);
    this.#descriptions = [...stream.tracks];
    this.leadingTrack = stream.tracks.findIndex((track) => track.kind === 'video');
    this.#placeholders = new Placeholders(this.#writer, this.leadingTrack);
    this.#lastPts = new Float64Array(stream.tracks.length);
    this.#lastWall = new Float64Array(stream.tracks.length);
  }

  ssrcOf(track: number): number {
    return this.#writer.ssrcs[track] ?? 0;
  }

  /**
   * Adds a viewer, which receives nothing before `flow`. The caller calls `flow` in the same turn.
   * @returns where the tracks begin that carry data already; nothing while the next key frame has to be waited for
   */
  join(viewer: InterleavedViewer): readonly InterleavedStart[] {
    this.#joined.add(viewer);
    this.#attach();
    const isLive = this.leadingTrack < 0;
    const sequences = isLive ? this.#nextSequences() : this.#group.sequences;
    const pts = isLive ? this.#lastPts : this.#group.pts;
    const tracks = this.#descriptions.flatMap((_, track) => (sequences[track] === -1 ? [] : [track]));
    const secondsOf = (track: number) => (pts[track] as number) / this.#clockRateOf(track);
    const oldestSeconds = tracks.reduce((least, track) => Math.min(least, secondsOf(track)), Number.POSITIVE_INFINITY);
    return tracks.map((track) => ({
      track,
      sequence: ((sequences[track] as number) - this.#placeholdersOf(viewer, track)) & 0xffff,
      rtpTime: this.#writer.rtpTimeOf(track, Math.round(oldestSeconds * this.#clockRateOf(track))),
    }));
  }

  /** Gives a viewer the packets since the last key frame, then each as it comes. Where none are kept, it begins at the next key frame. */
  flow(viewer: InterleavedViewer): void {
    if (!this.#joined.delete(viewer)) {
      return;
    }
    const group = this.#group;
    if (this.leadingTrack >= 0 && !group.isOpen) {
      this.#waiting = [...this.#waiting, viewer];
      return;
    }
    this.#viewers = [...this.#viewers, viewer];
    try {
      this.#greet(viewer);
      this.#sendPlaceholders(viewer, group.sequences[this.leadingTrack] as number);
      group.replay(viewer);
    } catch (cause) {
      this.#expel(viewer, cause);
    }
  }

  leave(viewer: InterleavedViewer): void {
    this.#joined.delete(viewer);
    this.#viewers = this.#viewers.filter((other) => other !== viewer);
    this.#waiting = this.#waiting.filter((other) => other !== viewer);
    if (this.#viewers.length + this.#waiting.length + this.#joined.size === 0 && this.#stopReports) {
      this.#stopReports();
      this.#stopReports = undefined;
      this.#group.clear();
      this.stream.removeReader(this);
    }
  }

  onSample(track: number, sample: Sample): void {
    const packetize = this.#packetize[track];
    if (!packetize) {
      return;
    }
    const isLeading = track === this.leadingTrack;
    const key = sample.key && (isLeading || this.leadingTrack < 0);
    const sequence = this.#writer.sequences[track] as number;
    const chunk = this.#cut(packetize, track, sample);
    const packets = this.#writer.packets;
    if (packets === 0) {
      release(chunk);
      return;
    }
    this.#lastPts[track] = sample.pts;
    this.#lastWall[track] = sample.wall;
    if (isLeading) {
      this.#placeholders.onSample(sample);
    }
    if (key && isLeading) {
      this.#group.open();
    }
    this.#group.add(chunk, track, packets, sequence, sample.pts, sample.wall);
    if (key && this.#waiting.length > 0) {
      this.#admitWaiting(sequence);
    }
    if (!this.#deliver(chunk, track, packets, key)) {
      release(chunk);
    }
  }

  onTrack(track: number, description: Track): void {
    this.#descriptions[track] = description;
    // As the stream's own cache: what is kept is of the old description.
    this.#group.clear();
  }

  onEnd(cause?: unknown): void {
    this.#stopReports?.();
    this.#stopReports = undefined;
    this.#group.clear();
    const viewers = [...this.#viewers, ...this.#waiting, ...this.#joined];
    this.#viewers = [];
    this.#waiting = [];
    this.#joined.clear();
    for (const viewer of viewers) {
      viewer.onEnd(cause);
    }
  }

  #attach(): void {
    if (this.#stopReports) {
      return;
    }
    this.#stopReports = this.#clock.every(REPORT_EVERY_MS, () => this.#report());
    this.#reported = this.#descriptions.map(() => new ReportedTime());
    // Parameter sets may have changed while there was no viewer.
    for (const [track, description] of this.stream.tracks.entries()) {
      this.#descriptions[track] = description;
    }
    this.stream.addReader(this, true);
  }

  #cut(packetize: Packetize, track: number, sample: Sample): Buffer {
    const writer = this.#writer;
    writer.begin(track, sample.pts, sample.data.length);
    if (sample.key) {
      const description = this.#descriptions[track] as Track;
      codecOf(description).packetizeParameters?.(description, this.#maxPayloadBytes, writer);
    }
    packetize(sample.data, this.#maxPayloadBytes, true, writer);
    return writer.end();
  }

  /** @returns whether a viewer keeps the chunk */
  #deliver(chunk: Buffer, track: number, packets: number, key: boolean): boolean {
    const viewers = this.#viewers;
    let isKept = false;
    for (let i = 0; i < viewers.length; i += 1) {
      const viewer = viewers[i] as InterleavedViewer;
      try {
        isKept = viewer.onChunk(chunk, track, packets, key) || isKept;
      } catch (cause) {
        // A viewer's failure does not affect the others.
        isKept = true;
        this.#expel(viewer, cause);
      }
    }
    return isKept;
  }

  /** @param sequence of the first packet of the key frame that they have waited for */
  #admitWaiting(sequence: number): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#viewers = [...this.#viewers, ...waiting];
    for (const viewer of waiting) {
      try {
        this.#greet(viewer);
        this.#sendPlaceholders(viewer, sequence);
      } catch (cause) {
        this.#expel(viewer, cause);
      }
    }
  }

  #placeholdersOf(viewer: InterleavedViewer, track: number): number {
    const isWanted = viewer.wantsPlaceholders === true && track === this.leadingTrack;
    return isWanted ? this.#placeholders.countFor(this.#descriptions[track] as Track) : 0;
  }

  /** Not counted by the sender reports: they are of what all viewers get. */
  #sendPlaceholders(viewer: InterleavedViewer, sequence: number): void {
    const track = this.leadingTrack;
    const count = this.#placeholdersOf(viewer, track);
    if (count > 0) {
      const frames = this.#placeholders.frames(this.#descriptions[track] as Track, sequence);
      viewer.onChunk(frames, track, count, false);
    }
  }

  #expel(viewer: InterleavedViewer, cause: unknown): void {
    this.leave(viewer);
    viewer.onEnd(cause);
  }

  /** The tracks' times relative to each other, before any packet: players that wait for a first report would jump with it. */
  #greet(viewer: InterleavedViewer): void {
    const group = this.#group;
    for (const track of this.#descriptions.keys()) {
      if (this.#lastWall[track] !== 0) {
        const isKept = group.sequences[track] !== -1;
        const pts = isKept ? group.pts : this.#lastPts;
        const walls = isKept ? group.walls : this.#lastWall;
        const at = pts[track] as number;
        viewer.onReport(this.#reportOf(track, at, this.#toldMs(track, at, walls[track] as number, 0)), track);
      }
    }
  }

  #report(): void {
    const nowMs = this.#clock.wallMs();
    for (const track of this.#descriptions.keys()) {
      const lastWall = this.#lastWall[track] as number;
      if (lastWall === 0) {
        continue;
      }
      const lastPts = this.#lastPts[track] as number;
      const toldMs = this.#toldMs(track, lastPts, lastWall, REPORT_REACH_MS);
      const pts = lastPts + ((nowMs - toldMs) * this.#clockRateOf(track)) / 1000;
      const report = this.#reportOf(track, Math.round(pts), nowMs);
      for (const viewer of this.#viewers) {
        try {
          viewer.onReport(report, track);
        } catch (cause) {
          this.#expel(viewer, cause);
        }
      }
    }
  }

  /** The Unix milliseconds that reports give to this moment of the track. */
  #toldMs(track: number, pts: number, wallMs: number, reachMs: number): number {
    const mediaMs = (pts * 1000) / this.#clockRateOf(track);
    return mediaMs + (this.#reported[track] as ReportedTime).offsetMs(mediaMs, wallMs, reachMs);
  }

  #reportOf(track: number, pts: number, unixMs: number): Buffer {
    const writer = this.#writer;
    const report = writeSenderReport(
      {
        ssrc: this.ssrcOf(track),
        unixMs,
        ticks: writer.rtpTimeOf(track, pts),
        packets: writer.sentPackets[track] as number,
        payloadBytes: writer.sentPayloadBytes[track] as number,
      },
      CNAME,
    );
    const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + report.length);
    frame.set([0x24, 2 * track + 1, report.length >> 8, report.length & 0xff]);
    frame.set(report, FRAME_HEADER_BYTES);
    return frame;
  }

  /** By track; -1 where nothing has been sent. */
  #nextSequences(): Int32Array {
    return Int32Array.from(this.#writer.sequences, (sequence, track) => (this.#lastWall[track] === 0 ? -1 : sequence));
  }

  #clockRateOf(track: number): number {
    return (this.#descriptions[track] as Track).clockRate;
  }
}

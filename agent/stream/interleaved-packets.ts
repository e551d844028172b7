import type { Clock } from '../base/clock.ts';
import { codecOf } from '../media/codecs.ts';
import type { Packetize } from '../media/payload/packetizer.ts';
import { writeSenderReport } from '../media/rtcp/write.ts';
import { AUTH_TAG_BYTES, RTP_HEADER_BYTES } from '../media/rtp/header.ts';
import type { Sample } from '../media/sample/sample.ts';
import { release } from '../media/sample/slab.ts';
import type { Track } from '../media/sample/track.ts';
import { InterleavedGroup } from './interleaved-group.ts';
import { FRAME_HEADER_BYTES, InterleavedWriter } from './interleaved-writer.ts';
import { Placeholders } from './placeholders.ts';
import type { Reader, Stream } from './stream.ts';

const REPORT_EVERY_MS = 10_000;
/** Largest change of the offset from one report to the next; clocks of two tracks drift apart more slowly. */
const MAX_REPORT_STEP_MS = 1;
const CNAME = 'perch';

/**
 * One receiver of a stream's interleaved frames (RFC 2326 §10.12). The channel is twice the track's number for RTP, and the next
 * one for RTCP. Called synchronously; it never blocks and never throws.
 */
export interface InterleavedViewer {
  /** The first key frame needs `Placeholders` before it. */
  readonly wantsPlaceholders?: boolean;
  /**
   * The RTP packets of one sample, each as a frame, contiguous.
   * @param packets number of packets
   * @param key a viewer that has dropped frames can continue here: a key frame of the leading video track, parameter sets included;
   * in a stream without video every chunk
   * @returns whether the chunk is used after the call, because it is not sent yet
   */
  onChunk(chunk: Buffer, track: number, packets: number, key: boolean): boolean;
  /** A sender report (RTCP), as one frame: before a viewer's first packet of the track if possible, then every 10 s. */
  onReport(chunk: Buffer, track: number): void;
  /** The last call: the stream has ended, or the viewer or the packetizer threw `cause`. */
  onEnd(cause?: unknown): void;
}

/** The start of a track for a viewer, as in RTP-Info (RFC 2326 §12.33). */
interface InterleavedStart {
  readonly track: number;
  /** Sequence number of the viewer's first packet. */
  readonly sequence: number;
  /** RTP time of the same moment for all tracks: the start of the oldest packet. */
  readonly rtpTime: number;
}

interface PacketSettings {
  /** Largest payload of a UDP datagram, in bytes. */
  readonly udpMaxPayloadSize: number;
  readonly rtspEncryption: 'no' | 'optional' | 'strict';
}

/** Largest RTP payload. With encryption there is room for SRTP's tag in plain packets too, because all viewers share them. */
export function maxPayloadBytesOf({ udpMaxPayloadSize, rtspEncryption }: PacketSettings): number {
  return udpMaxPayloadSize - RTP_HEADER_BYTES - (rtspEncryption === 'no' ? 0 : AUTH_TAG_BYTES);
}

const packetsOf = new WeakMap<Stream, InterleavedPackets>();

/**
 * A stream as RTP packets in interleaved frames, written once for all viewers over TCP, UDP and multicast, which get the same bytes.
 * SSRCs, sequence numbers and RTP time are those of the stream, so nothing is patched for a viewer. Packets are written, and the current
 * group of pictures is kept, only while there are viewers.
 */
export class InterleavedPackets implements Reader {
  readonly id = 'interleaved-packets';
  readonly countsHolds = true;
  readonly mayLosePictures = true;
  readonly stream: Stream;
  /** The video track at whose key frames viewers begin; -1: none. */
  readonly leadingTrack: number;
  readonly #clock: Clock;
  readonly #writer: InterleavedWriter;
  readonly #group: InterleavedGroup;
  readonly #placeholders: Placeholders;
  readonly #packetize: readonly (Packetize | undefined)[];
  readonly #descriptions: Track[];
  /** pts and wall time of each track's latest sample; wall time 0: none yet. */
  readonly #lastPts: Float64Array;
  readonly #lastWall: Float64Array;
  #maxPayloadBytes: number;
  // Copied on change, so that delivery walks a plain array while viewers come and go.
  #viewers: readonly InterleavedViewer[] = [];
  /** Viewers that have joined, but `flow` has not been called for them. */
  readonly #joined = new Set<InterleavedViewer>();
  /** Viewers that wait for a key frame. */
  #waiting: readonly InterleavedViewer[] = [];
  #stopReports: (() => void) | undefined;
  /** Clock offsets that the sender reports state, by track. */
  #reported: readonly ReportedTime[] = [];

  /** @param maxPayloadBytes `maxPayloadBytesOf` the settings; a new value applies after all viewers have left */
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

  /** SRTP's index of a packet that was written (RFC 3711 §3.3.1): the sequence number with its wraps since the start. */
  packetIndexOf(track: number, sequence: number): number {
    const next = this.#writer.sequences[track] as number;
    const sent = this.#writer.sentPackets[track] as number;
    const first = (((next - sent) % 65_536) + 65_536) % 65_536;
    return first + sent - ((next - sequence) & 0xffff);
  }

  /** SRTP's rollover counter (RFC 3711 §3.3.1) for the first packet that a viewer gets now. */
  rollOverCounterOf(track: number): number {
    const kept = this.#group.sequences[track] ?? -1;
    return Math.floor(this.packetIndexOf(track, kept < 0 ? (this.#writer.sequences[track] ?? 0) : kept) / 65_536);
  }

  ssrcOf(track: number): number {
    return this.#writer.ssrcs[track] ?? 0;
  }

  /**
   * Adds a viewer, which receives nothing before `flow`. The caller calls `flow` in the same turn.
   * @returns the starts of tracks with data; empty while the viewer has to wait for a key frame
   */
  join(viewer: InterleavedViewer): readonly InterleavedStart[] {
    this.#joined.add(viewer);
    this.#attach();
    const isLive = this.leadingTrack < 0;
    // -1: nothing sent yet.
    const next = (sequence: number, track: number) => (this.#lastWall[track] === 0 ? -1 : sequence);
    const sequences = isLive ? Int32Array.from(this.#writer.sequences, next) : this.#group.sequences;
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

  /** Delivers the packets since the last key frame, then each new one. Without a cached group the viewer begins at the next key frame. */
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
      this.#disconnect(viewer, cause);
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
    // Cached packets have the old description.
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

  /** @returns whether a viewer uses the chunk after the call */
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
        this.#disconnect(viewer, cause);
      }
    }
    return isKept;
  }

  /** @param sequence number of the key frame's first packet */
  #admitWaiting(sequence: number): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#viewers = [...this.#viewers, ...waiting];
    for (const viewer of waiting) {
      try {
        this.#greet(viewer);
        this.#sendPlaceholders(viewer, sequence);
      } catch (cause) {
        this.#disconnect(viewer, cause);
      }
    }
  }

  #placeholdersOf(viewer: InterleavedViewer, track: number): number {
    const isWanted = viewer.wantsPlaceholders === true && track === this.leadingTrack;
    return isWanted ? this.#placeholders.countFor(this.#descriptions[track] as Track) : 0;
  }

  /** Placeholders are not counted in the sender reports, which describe the packets of all viewers. */
  #sendPlaceholders(viewer: InterleavedViewer, sequence: number): void {
    const track = this.leadingTrack;
    const count = this.#placeholdersOf(viewer, track);
    if (count > 0) {
      const frames = this.#placeholders.frames(this.#descriptions[track] as Track, sequence);
      viewer.onChunk(frames, track, count, false);
    }
  }

  #disconnect(viewer: InterleavedViewer, cause: unknown): void {
    this.leave(viewer);
    viewer.onEnd(cause);
  }

  /** Sends reports before any packet, so that players do not jump with the first one. */
  #greet(viewer: InterleavedViewer): void {
    const group = this.#group;
    for (const track of this.#descriptions.keys()) {
      if (this.#lastWall[track] !== 0) {
        const isKept = group.sequences[track] !== -1;
        const pts = isKept ? group.pts : this.#lastPts;
        const walls = isKept ? group.walls : this.#lastWall;
        const at = pts[track] as number;
        viewer.onReport(this.#reportOf(track, at, this.#reportedMs(track, at, walls[track] as number, 0)), track);
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
      const reportedMs = this.#reportedMs(track, lastPts, lastWall, MAX_REPORT_STEP_MS);
      const pts = lastPts + ((nowMs - reportedMs) * this.#clockRateOf(track)) / 1000;
      const report = this.#reportOf(track, Math.round(pts), nowMs);
      for (const viewer of this.#viewers) {
        try {
          viewer.onReport(report, track);
        } catch (cause) {
          this.#disconnect(viewer, cause);
        }
      }
    }
  }

  /** The reported Unix milliseconds of this moment of the track. */
  #reportedMs(track: number, pts: number, wallMs: number, reachMs: number): number {
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

  #clockRateOf(track: number): number {
    return (this.#descriptions[track] as Track).clockRate;
  }
}

/** A larger error means that a clock was set; the offset follows it at once. */
const STEP_MS = 1_000;
/** Tolerated error: two tracks with opposite errors stay below the perceptible 45 ms (ITU-R BT.1359-1). */
const UNSEEN_MS = 20;

/**
 * A track's offset to the wall clock, as its sender reports state it. Players shift the track at each report, ffmpeg even backwards. So
 * the reported offset stays while its error is imperceptible, and then changes slowly. At the start of a stream it may be wrong by the
 * length of the sender's first burst; readers then compute wrong capture times for a while.
 */
export class ReportedTime {
  /** Unix milliseconds at which media time is 0, as reported. */
  #offsetMs = Number.NaN;

  /**
   * @param mediaMs a sample's pts
   * @param wallMs its capture time, Unix milliseconds
   * @param reachMs largest change of the reported offset
   * @returns Unix milliseconds at which media time is 0
   */
  offsetMs(mediaMs: number, wallMs: number, reachMs: number): number {
    const awayMs = wallMs - mediaMs - this.#offsetMs;
    if (Math.abs(awayMs) <= STEP_MS) {
      this.#offsetMs += Math.sign(awayMs) * Math.max(0, Math.min(reachMs, Math.abs(awayMs) - UNSEEN_MS));
    } else {
      this.#offsetMs = wallMs - mediaMs;
    }
    return this.#offsetMs;
  }
}

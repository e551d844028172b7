import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { createDepacketizer } from '../../media/create-depacketizer.ts';
import type { Depacketizer, RtpFormat, UnitSink } from '../../media/depacketizer.ts';
import { parseRtcp, type RtcpSink, type SenderInfo } from '../../media/rtcp/parse.ts';
import { writeReceiverReport } from '../../media/rtcp/write.ts';
import { RtpHeader } from '../../media/rtp/header.ts';
import { SequenceTracker } from '../../media/rtp/sequence.ts';
import type { Track } from '../../media/track.ts';
import type { Timeline, TrackTimeline } from './timeline.ts';

/** What a receiver gives its units to. */
export interface UnitOutput {
  /** `ptsTicks` and `dtsTicks` are on the scale of the receiver's timeline. */
  onUnit(receiver: TrackReceiver, ptsTicks: number, dtsTicks: number, key: boolean, data: Uint8Array): void;
  onTrack(receiver: TrackReceiver, track: Track): void;
  onDamage(receiver: TrackReceiver, reason: string): void;
}

/** Encodings whose pictures may come out of their order. */
const VIDEO_ENCODINGS = ['H264', 'H265'];
const CNAME = 'perch';

/** One RTP stream of a camera: from packets to access units with continuous time. Nothing is allocated per packet. */
export class TrackReceiver implements UnitSink, RtcpSink {
  readonly format: RtpFormat;
  readonly isVideo: boolean;
  readonly timeline: TrackTimeline;
  track: Track | undefined;
  packets = 0;
  /** Packets that were no RTP of this format. */
  badPackets = 0;
  /** The camera said goodbye (RTCP BYE), and nothing has come since. */
  hasLeft = false;
  /** Monotonic time of the last packet, and of the one that made the last unit whole; 0 while there is none. */
  lastPacketMs = 0;
  lastUnitMs = 0;
  readonly sequence = new SequenceTracker();
  readonly #header = new RtpHeader();
  readonly #depacketizer: Depacketizer | undefined;
  readonly #output: UnitOutput;
  readonly #clock: Clock;
  #ssrc = -1;
  /** Packets are missing before the next payload. */
  #isGap = false;
  #expectedBefore = 0;
  #lostBefore = 0;
  #lastReport = 0;
  #lastReportAtMs = 0;

  constructor(format: RtpFormat, timeline: Timeline, output: UnitOutput, clock: Clock) {
    this.format = format;
    this.#output = output;
    this.#clock = clock;
    this.isVideo = VIDEO_ENCODINGS.includes(format.encoding);
    this.timeline = timeline.addTrack(format.clockRate, this.isVideo);
    // Last, because it may tell the track at once.
    this.#depacketizer = createDepacketizer(format, this);
  }

  /** The codec, or the way it is packed, is one that we can take. */
  get isSupported(): boolean {
    return this.#depacketizer !== undefined;
  }

  /** One RTP packet in `chunk[start, end)`. @param atMs monotonic time of arrival; @returns whether it is media of this track */
  packet(chunk: Uint8Array, start: number, end: number, atMs: number): boolean {
    const header = this.#header;
    try {
      header.parse(chunk, start, end);
    } catch (error) {
      this.#reject(error);
      return false;
    }
    if (header.payloadType !== this.format.payloadType) {
      // GeoVision cameras mix in packets of type 50 that nobody can read.
      this.badPackets += 1;
      return false;
    }
    let arrival = this.sequence.push(header.sequence);
    if (header.ssrc !== this.#ssrc) {
      // A new SSRC with the next sequence number is the same sender, with any other a new one.
      if (this.#ssrc >= 0 && arrival !== 'next') {
        this.sequence.reset();
        this.sequence.push(header.sequence);
        arrival = 'restart';
      }
      this.#ssrc = header.ssrc;
    }
    this.packets += 1;
    this.hasLeft = false;
    this.lastPacketMs = atMs;
    if (arrival === 'drop') {
      return true;
    }
    if (arrival === 'restart') {
      this.timeline.restart();
    }
    const ticks = this.timeline.arrive(header.timestamp, atMs);
    this.#isGap ||= arrival !== 'next';
    if (header.payloadEnd > header.payloadStart) {
      this.#depacketizer?.push(chunk, header.payloadStart, header.payloadEnd, ticks, header.marker, this.#isGap);
      this.#isGap = false;
    }
    return true;
  }

  /** One RTCP packet in `chunk[start, end)`. */
  control(chunk: Uint8Array, start: number, end: number): void {
    try {
      parseRtcp(chunk, start, end, this);
    } catch (error) {
      this.#reject(error);
    }
  }

  onUnit(pts: number, dts: number, key: boolean, data: Uint8Array): void {
    this.lastUnitMs = this.lastPacketMs;
    this.#output.onUnit(this, pts, dts, key, data);
  }

  onTrack(track: Track): void {
    this.track = track;
    this.timeline.setClockRate(track.clockRate);
    this.#output.onTrack(this, track);
  }

  onDamage(reason: string): void {
    this.#output.onDamage(this, reason);
  }

  /** Reports of other SSRCs are of this track all the same: it has the channel to itself, and Tapo and Hanwha mix them up. */
  onSenderReport(info: SenderInfo): void {
    this.timeline.report(info.unixMs, info.timestamp);
    this.#lastReport = info.ntpMiddle;
    this.#lastReportAtMs = this.#clock.monoMs();
  }

  onBye(): void {
    this.hasLeft = true;
  }

  /** What we tell the camera about its packets, RFC 3550 §6.4.2; undefined while none has come. */
  receiverReport(ssrc: number): Uint8Array | undefined {
    if (this.#ssrc < 0) {
      return undefined;
    }
    const expected = Math.max(0, this.sequence.expected - this.#expectedBefore);
    const lost = this.sequence.lost - this.#lostBefore;
    this.#expectedBefore = this.sequence.expected;
    this.#lostBefore = this.sequence.lost;
    const report = {
      ssrc,
      sourceSsrc: this.#ssrc,
      fractionLost: expected > 0 ? Math.min(1, lost / expected) : 0,
      lost: this.sequence.lost,
      highest: this.sequence.highest,
      jitterTicks: 0,
      lastReport: this.#lastReport,
      sinceLastReportMs: this.#clock.monoMs() - this.#lastReportAtMs,
    };
    return writeReceiverReport(report, CNAME);
  }

  #reject(error: unknown): void {
    if (!(error instanceof PerchError)) {
      throw error;
    }
    this.badPackets += 1;
  }
}

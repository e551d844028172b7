import { rethrowUnexpected } from '../../../base/errors.ts';
import { createDepacketizer } from '../../../media/codecs.ts';
import type { Depacketizer, RtpFormat, UnitSink } from '../../../media/payload/depacketizer.ts';
import { parseRtcp, type RtcpSink } from '../../../media/rtcp/parse.ts';
import { RtpHeader } from '../../../media/rtp/header.ts';
import { ReplayExtension } from '../../../media/rtp/replay-extension.ts';
import { SequenceTracker } from '../../../media/rtp/sequence.ts';
import type { Track } from '../../../media/sample/track.ts';
import { ReplayTimes } from './replay-times.ts';

/** Receives what a replay sends. Called synchronously. */
export interface ReplayOutput {
  /** A track is described, or described anew, before the unit that needs it. */
  onTrack(replayed: ReplayTrack, track: Track): void;
  /**
   * One access unit or audio frame.
   * @param pts,dts ticks since the origin of the replay, by the camera's clock
   * @param data owned by the receiver, with one hold
   */
  onUnit(replayed: ReplayTrack, pts: number, dts: number, key: boolean, data: Uint8Array): void;
  /** The recording has a hole before the next unit of the track. */
  onHole(replayed: ReplayTrack): void;
  /** A unit of the track was damaged, and left out. */
  onDamage(replayed: ReplayTrack): void;
}

/** One track of a replay, from packets to access units. Packets arrive in order: a replay is within its RTSP connection. */
export class ReplayTrack implements UnitSink, RtcpSink {
  readonly index: number;
  readonly isVideo: boolean;
  readonly times: ReplayTimes;
  track: Track | undefined;
  /** The camera has flagged the last packet, or said BYE. */
  hasEnded = false;
  packets = 0;
  /** A packet had a time, in ONVIF's extension of the header. */
  hasTimes = false;
  keyPictures = 0;
  /** The camera's time of the last unit, Unix milliseconds; NaN: none has come. */
  lastMs = Number.NaN;
  /** Packets without a time before the first one with it, and invalid ones. */
  leftOut = 0;
  readonly #header = new RtpHeader();
  readonly #extension = new ReplayExtension();
  readonly #sequence = new SequenceTracker();
  readonly #payloadType: number;
  readonly #output: ReplayOutput;
  #depacketizer: Depacketizer | undefined;
  #holeTicks = Number.NaN;

  constructor(index: number, format: RtpFormat, isVideo: boolean, originMs: number, output: ReplayOutput) {
    this.index = index;
    this.isVideo = isVideo;
    this.times = new ReplayTimes(originMs, format.clockRate, isVideo);
    this.#payloadType = format.payloadType;
    this.#output = output;
    // Last, because it may call `onTrack` at once.
    this.#depacketizer = createDepacketizer(format, this, { hasDoubtfulMarkers: true });
  }

  /** Whether codec and packetization are supported. */
  get isSupported(): boolean {
    return this.#depacketizer !== undefined;
  }

  /** One RTP packet in `chunk[start, end)`. */
  packet(chunk: Uint8Array, start: number, end: number): void {
    const header = this.#header;
    try {
      header.parse(chunk, start, end);
    } catch (error) {
      rethrowUnexpected(error);
      this.leftOut += 1;
      return;
    }
    if (header.payloadType !== this.#payloadType) {
      this.leftOut += 1;
      return;
    }
    this.packets += 1;
    const arrival = this.#sequence.push(header.sequence, true);
    const extension = this.#extension;
    const hasTime = extension.parse(chunk, start, end);
    this.hasTimes ||= hasTime;
    const isHole = hasTime && extension.isDiscontinuity;
    const ticks = this.times.ticksOf(header.timestamp, hasTime ? extension.unixMs : Number.NaN, isHole);
    if (Number.isNaN(ticks)) {
      this.leftOut += 1;
      return;
    }
    if (isHole && ticks !== this.#holeTicks) {
      this.#holeTicks = ticks;
      this.#output.onHole(this);
    }
    if (header.payloadEnd > header.payloadStart) {
      const { payloadStart, payloadEnd, marker } = header;
      this.#depacketizer?.push(chunk, payloadStart, payloadEnd, ticks, marker, arrival !== 'next');
    }
    this.hasEnded ||= hasTime && extension.isTerminal && (header.marker || !this.isVideo);
  }

  /** One RTCP packet in `chunk[start, end)`. */
  control(chunk: Uint8Array, start: number, end: number): void {
    try {
      parseRtcp(chunk, start, end, this);
    } catch (error) {
      rethrowUnexpected(error);
    }
  }

  onUnit(pts: number, dts: number, key: boolean, data: Uint8Array): void {
    this.keyPictures += key && this.isVideo ? 1 : 0;
    this.lastMs = this.times.unixMsOf(pts);
    this.#output.onUnit(this, pts, dts, key, data);
  }

  onTrack(track: Track): void {
    this.track = track;
    this.#output.onTrack(this, track);
  }

  onDamage(): void {
    this.#output.onDamage(this);
  }

  onSenderReport(): void {}

  onBye(): void {
    this.hasEnded = true;
  }
}

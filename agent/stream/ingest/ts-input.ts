import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { TsDemuxer, type TsStream } from '../../media/mpegts/demux/demuxer.ts';
import type { UnitSink } from '../../media/payload/depacketizer.ts';
import type { Track } from '../../media/sample/track.ts';
import type { SourceStatistics, StreamSink } from '../contracts.ts';
import { DemuxedTrack } from './demuxed-track.ts';
import { StreamWriter } from './stream-writer.ts';
import { Timeline } from './timeline.ts';

const CLOCK_HZ = 90_000;
const AC3_FRAME_SAMPLES = 1536;

export interface TsInputOptions {
  /** Name of the path, for messages. */
  readonly name: string;
  /** The sender's role, for messages. */
  readonly sender: 'camera' | 'publisher' | 'sender';
  /** Without media for this long the connection ends. */
  readonly readTimeoutMs: number;
  /** False: audio is left out. */
  readonly audio?: boolean | undefined;
}

/** Turns the bytes of a live transport stream into a stream. */
export class TsInput {
  readonly #options: TsInputOptions;
  readonly #sink: StreamSink;
  readonly #subject: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #timeline: Timeline;
  readonly #demuxer: TsDemuxer;
  #tracks: readonly DemuxedTrack[] = [];
  #writer: StreamWriter | undefined;
  #damage = 0;
  #loggedFaults = 0;
  readonly #startedMs: number;
  readonly #reportedClocks = new Set<DemuxedTrack>();
  /** Called before a reader is added that tolerates no delay. */
  onUrgentReader: (() => void) | undefined;

  constructor(sink: StreamSink, options: TsInputOptions, clock: Clock, log: Logger) {
    this.#options = options;
    this.#sink = sink;
    this.#subject = `${options.sender} of path '${options.name}'`;
    this.#clock = clock;
    this.#log = log;
    this.#timeline = new Timeline(clock, false, true);
    this.#demuxer = new TsDemuxer(
      {
        onProgram: (streams) => this.#onProgram(streams),
        onDamage: () => {
          this.#damage += 1;
        },
      },
      { takesMetadata: true },
    );
    this.#startedMs = clock.monoMs();
  }

  get statistics(): Omit<SourceStatistics, 'transport'> {
    const jumps = this.#tracks.reduce((sum, { timeline }) => sum + timeline.jumps, 0);
    const { packets, lostPackets } = this.#demuxer;
    return { packets, lost: lostPackets, late: 0, reordered: 0, badPackets: this.#damage, jumps };
  }

  /** Delay that all readers tolerate; 0 while a time comes from arrival, and before the stream is open. */
  get toleratedDelayMs(): number {
    return this.#tracks.some(({ timeline }) => timeline.followsArrival) ? 0 : (this.#writer?.toleratedDelayMs ?? 0);
  }

  /**
   * Bytes of the transport stream: `chunk[start, end)`, valid during the call only.
   * @throws PerchError if nothing of it is supported, it is scrambled, or its tracks have changed
   */
  push(chunk: Uint8Array, start = 0, end = chunk.length): void {
    this.#demuxer.push(chunk, start, end);
  }

  /** Called at intervals. @throws PerchError when all media has ended, or the picture */
  check(): void {
    const nowMs = this.#clock.monoMs();
    const { name, readTimeoutMs } = this.#options;
    const lastMs = this.#tracks.reduce((last, { lastPacketMs }) => Math.max(last, lastPacketMs), this.#startedMs);
    const context = { path: name, absence: 'refuses' };
    if (nowMs - lastMs >= readTimeoutMs) {
      const what = this.#demuxer.packets > 0 && this.#tracks.length === 0 ? 'MPEG-TS, but no programme' : 'no media';
      throw new PerchError('timeout', `${this.#subject} has sent ${what} for ${readTimeoutMs / 1000} s`, context);
    }
    this.#writer?.check(nowMs);
    this.#writer?.checkPictures(nowMs, this.#startedMs, nowMs - lastMs, readTimeoutMs);
    this.#logFaults();
  }

  #onProgram(streams: readonly TsStream[]): (UnitSink | undefined)[] {
    const { name, audio = true } = this.#options;
    if (this.#tracks.length > 0) {
      const message = `${this.#subject} has changed its tracks: starting again with them`;
      throw new PerchError('unavailable', message, { path: name });
    }
    const wanted = streams.filter(({ isVideo, codec }) => codec !== undefined && (audio || isVideo || codec === 'klv'));
    const names = streams.map(({ label }) => label);
    if (streams.length > 0 && wanted.length === 0) {
      const reason = audio ? 'none of which is supported' : 'of which nothing is left without audio (audio: no)';
      throw new PerchError('unsupported', `${this.#subject} offers ${names.join(', ')}, ${reason}`, { path: name });
    }
    const leftOut = streams.filter(({ codec }) => codec === undefined).map(({ label }) => label);
    if (leftOut.length > 0) {
      this.#log.warn({ codecs: leftOut }, 'unsupported tracks of MPEG-TS are left out');
    }
    const tracks: DemuxedTrack[] = [];
    const writer = new StreamWriter(this.#sink, this.#timeline, tracks, name, this.#log, this.#options.sender);
    writer.onUrgentReader = () => this.onUrgentReader?.();
    this.#writer = writer;
    this.#tracks = tracks;
    return streams.map((stream) => {
      if (!wanted.includes(stream)) {
        return undefined;
      }
      const track = new DemuxedTrack(stream.label, stream.isVideo, CLOCK_HZ, this.#timeline, writer, this.#clock);
      tracks.push(track);
      return new TimedUnits(track);
    });
  }

  #logFaults(): void {
    const { lost, badPackets, jumps } = this.statistics;
    if (lost + badPackets + jumps > this.#loggedFaults) {
      this.#loggedFaults = lost + badPackets + jumps;
      this.#log.debug({ lost, badPackets, jumps }, 'faulty MPEG-TS packets');
    }
    for (const track of this.#tracks) {
      const { fault } = track.timeline;
      if (fault !== undefined && !this.#reportedClocks.has(track)) {
        this.#reportedClocks.add(track);
        this.#log.warn({ codec: track.encoding, fault }, 'wrong camera clock, media times follow arrival');
      }
    }
  }
}

/** Puts the units of a track on its timeline. */
export class TimedUnits implements UnitSink {
  readonly #track: DemuxedTrack;
  /** Duration of an audio frame where all last as long and the 90 kHz clock rounds; 0: the container's times are exact. */
  #frameMs = 0;

  constructor(track: DemuxedTrack) {
    this.#track = track;
  }

  onUnit(pts: number, dts: number, key: boolean, data: Uint8Array): void {
    const track = this.#track;
    // `>>> 0` is modulo 2^32.
    const arrived = track.arrive(dts >>> 0);
    const start = this.#frameMs > 0 ? track.follow(arrived, this.#frameMs) : arrived;
    track.onUnit(start + pts - dts, start, key, data);
  }

  onTrack(track: Track): void {
    const isAc3 = track.codec === 'ac3' || track.codec === 'eac3';
    const frameSamples = track.codec === 'aac' ? track.frameSamples : isAc3 ? AC3_FRAME_SAMPLES : 0;
    this.#frameMs = (frameSamples * 1000) / track.clockRate;
    this.#track.onTrack(track);
  }

  onDamage(reason: string): void {
    this.#track.onDamage(reason);
  }
}

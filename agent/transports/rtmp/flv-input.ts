import type { Clock } from '../../base/clock.ts';
import { PerchError, unlessExpected } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { type AmfValue, readAmf0 } from '../../media/amf/amf0.ts';
import type { FlvTrack } from '../../media/flv/codec-reader.ts';
import { TAG } from '../../media/flv/codes.ts';
import { FlvDemuxer, type FlvTracks } from '../../media/flv/demuxer.ts';
import type { StreamSink } from '../../stream/contracts.ts';
import { DemuxedTrack } from '../../stream/ingest/demuxed-track.ts';
import { SenderPace } from '../../stream/ingest/pace.ts';
import { StreamWriter } from '../../stream/ingest/stream-writer.ts';
import { Timeline } from '../../stream/ingest/timeline.ts';

/** Timestamps of FLV are in milliseconds. */
const CLOCK_HZ = 1_000;
/** A track that was announced, or may follow, is awaited for this long. */
const TIMES = { soundMs: 2_000, pictureMs: 5_000 };

/** Turns the audio, video and data messages of RTMP into a stream. */
export class FlvInput implements FlvTracks {
  readonly #sink: StreamSink;
  readonly #name: string;
  readonly #sender: 'camera' | 'publisher';
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #timeline: Timeline;
  readonly #tracks: DemuxedTrack[] = [];
  /** Tracks that the demuxer has not opened yet. */
  readonly #expected = new Set<DemuxedTrack>();
  readonly #writer: StreamWriter;
  readonly #demuxer = new FlvDemuxer(this);
  /** Sixteen tracks that the demuxer opens, and an awaited one of each kind. */
  readonly #pace = new SenderPace(18);
  readonly #startedMs: number;
  readonly #refusals: string[] = [];
  #hasBegun = false;

  /** @param name of the path, for messages */
  constructor(sink: StreamSink, name: string, sender: 'camera' | 'publisher', clock: Clock, log: Logger) {
    this.#sink = sink;
    this.#name = name;
    this.#sender = sender;
    this.#clock = clock;
    this.#log = log;
    this.#startedMs = clock.monoMs();
    this.#timeline = new Timeline(clock);
    this.#writer = new StreamWriter(sink, this.#timeline, this.#tracks, name, log, sender, TIMES);
  }

  /** A message of `TAG`. @throws PerchError to end the connection */
  push(type: number, timestamp: number, data: Uint8Array, start: number, end: number): void {
    if (type === TAG.script) {
      this.#metadata(data, start, end);
      return;
    }
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      if (this.#expected.size === 0) {
        this.#expect(true, '');
        this.#expect(false, '');
      }
    }
    try {
      this.#demuxer.push(type, timestamp, data, start, end);
    } catch (error) {
      if (!(error instanceof PerchError) || error.code !== 'badInput') {
        throw error;
      }
      this.onDamage(error.message, type === TAG.video);
    }
  }

  /** A message was skipped. */
  onDamage(reason: string, isVideo = true): void {
    const track = this.#tracks.find((one) => one.isVideo === isVideo) ?? this.#tracks[0];
    track?.onDamage(reason);
  }

  /** Whether all tracks are more than `limitMs` ahead of real time. Called after `push`. */
  isAhead(limitMs: number): boolean {
    const nowMs = this.#clock.monoMs();
    for (let i = 0; i < this.#tracks.length; i += 1) {
      const { timeline } = this.#tracks[i] as DemuxedTrack;
      if (timeline.hasArrived && this.#pace.push(i, timeline.newestTicks, nowMs, limitMs)) {
        return true;
      }
    }
    return false;
  }

  get surplusMs(): number {
    return this.#pace.surplusMs(this.#clock.monoMs());
  }

  /** Called at intervals. @throws PerchError to end the connection */
  check(): void {
    const nowMs = this.#clock.monoMs();
    if (this.#hasBegun) {
      this.#writer.check(nowMs);
    }
    this.#writer.checkPictures(nowMs, this.#startedMs);
  }

  open(isVideo: boolean, label: string, trackId: number): FlvTrack | undefined {
    if (!isVideo && this.#sink.isSilent) {
      return undefined;
    }
    const expected = [...this.#expected].find((track) => track.isVideo === isVideo);
    if (expected && trackId === 0) {
      this.#expected.delete(expected);
      expected.encoding = label;
      return expected;
    }
    return this.#add(isVideo, label);
  }

  onUnsupported(isVideo: boolean, name: string, reason: string): void {
    this.#log.warn({ codec: name, reason }, `${this.#sender} sends an unsupported track`);
    this.#refusals.push(name);
    const at = this.#tracks.findIndex((track) => track.isVideo === isVideo && !track.track && track.packets === 0);
    const dropped = this.#tracks[at];
    if (dropped) {
      this.#expected.delete(dropped);
      this.#tracks.splice(at, 1);
    }
    if (this.#tracks.length === 0) {
      const fault = `sends ${this.#refusals.join(', ')}, none of which is supported`;
      throw new PerchError('unavailable', `${this.#sender} of path '${this.#name}' ${fault}`, { path: this.#name });
    }
  }

  #add(isVideo: boolean, label: string): DemuxedTrack {
    const track = new DemuxedTrack(label, isVideo, CLOCK_HZ, this.#timeline, this.#writer, this.#clock);
    this.#tracks.push(track);
    return track;
  }

  #expect(isVideo: boolean, label = isVideo ? 'video' : 'audio'): void {
    if (isVideo || !this.#sink.isSilent) {
      this.#expected.add(this.#add(isVideo, label));
    }
  }

  /** onMetaData names the codecs of the tracks that follow. Other data are ignored. */
  #metadata(data: Uint8Array, start: number, end: number): void {
    if (this.#hasBegun || this.#expected.size > 0) {
      return;
    }
    const values = unlessExpected(() => readAmf0(data, start, end)) ?? [];
    const fields = values.find((value): value is ReadonlyMap<string, AmfValue> => value instanceof Map);
    if (!values.includes('onMetaData') || !fields) {
      return;
    }
    for (const [isVideo, key] of [
      [true, 'videocodecid'],
      [false, 'audiocodecid'],
    ] as const) {
      const codec = fields.get(key);
      if (codec !== undefined && codec !== null && codec !== 0 && codec !== '') {
        this.#expect(isVideo);
      }
    }
  }
}

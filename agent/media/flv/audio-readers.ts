import { PerchError } from '../../base/errors.ts';
import { parseAacConfig } from '../aac/params.ts';
import { type Ac3Variant, FRAME_SAMPLES } from '../ac3/params.ts';
import { parseStreamInfo, STREAM_INFO_BYTES } from '../flac/params.ts';
import { parseMpegAudioFrame } from '../mpeg-audio/params.ts';
import { isOpusLayout, opusFrameTicks } from '../opus/params.ts';
import { FormatChange } from '../sample/format-change.ts';
import { AUDIO_SAMPLES, SampleBuffer } from '../sample/sample-buffer.ts';
import type { AudioTrack } from '../sample/track.ts';
import type { CodecReader, FlvTrack } from './codec-reader.ts';

/** RFC 7845 §5.1. */
const OPUS_HEAD_BYTES = 19;
const OPUS_RATE_HZ = 48_000;
const OPUS_TICKS_PER_MS = 48;
/** `fLaC`, then the header of a metadata block. */
const FLAC_PREFIX_BYTES = 8;
const MPEG_AUDIO_CLOCK_HZ = 90_000;
const G711_RATE_HZ = 8_000;

/** One frame for each packet. */
abstract class AudioReader implements CodecReader {
  protected readonly track: FlvTrack;
  readonly #buffer = new SampleBuffer(AUDIO_SAMPLES);
  #description: AudioTrack | undefined;

  constructor(track: FlvTrack) {
    this.track = track;
  }

  /** Does nothing, because frames describe themselves. Codecs with a configuration override it. */
  configure(_data: Uint8Array, _start: number, _end: number): void {}

  abstract frame(data: Uint8Array, start: number, end: number, pts: number): void;

  /** Reports a changed description; called before the first frame that has it. */
  protected describe(track: AudioTrack): void {
    const isSame = JSON.stringify(track) === JSON.stringify(this.#description);
    this.#description = track;
    if (!isSame) {
      this.track.onTrack(track);
    }
  }

  protected get isDescribed(): boolean {
    return this.#description !== undefined;
  }

  protected deliver(data: Uint8Array, start: number, end: number, pts: number, frameMs: number): void {
    if (!this.#buffer.append(data, start, end)) {
      this.track.onDamage(`audio frame of ${end - start} bytes, at most ${AUDIO_SAMPLES.maxSampleBytes}`);
      return;
    }
    const time = frameMs > 0 ? this.track.follow(pts, frameMs) : pts;
    this.track.onUnit(time, time, true, this.#buffer.take());
  }
}

/** Frames of a length that the configuration names. */
abstract class ConfiguredReader extends AudioReader {
  protected frameMs = 0;

  frame(data: Uint8Array, start: number, end: number, pts: number): void {
    if (this.isDescribed && end > start) {
      this.deliver(data, start, end, pts, this.frameMs);
    }
  }
}

export class AacReader extends ConfiguredReader {
  override configure(data: Uint8Array, start: number, end: number): void {
    const config = data.slice(start, end);
    const { rateHz, channels, frameSamples } = parseAacConfig(config);
    this.frameMs = (frameSamples * 1000) / rateHz;
    this.describe({ kind: 'audio', codec: 'aac', clockRate: rateHz, channels: channels || 2, config, frameSamples });
  }
}

/** Packets of some encoders hold several frames. */
export class MpegAudioReader extends AudioReader {
  readonly #change = new FormatChange();

  frame(data: Uint8Array, start: number, end: number, pts: number): void {
    let time = pts;
    for (let at = start; at < end; ) {
      const frame = parseMpegAudioFrame(data, at, end);
      const { format, version, layer, sampleRate, channels, sizeBytes, frameSamples } = frame;
      if (at + sizeBytes > end) {
        throw new PerchError('badInput', `MPEG audio frame of ${sizeBytes} bytes with ${end - at} left`);
      }
      const change = this.#change.next(format);
      if (change === 'doubtful') {
        throw new PerchError('badInput', 'MPEG audio frame of another format');
      }
      if (change === 'new') {
        const clockRate = MPEG_AUDIO_CLOCK_HZ;
        this.describe({ kind: 'audio', codec: 'mpeg-audio', clockRate, version, layer, sampleRate, channels });
      }
      const frameMs = (frameSamples * 1000) / sampleRate;
      this.deliver(data, at, at + sizeBytes, time, frameMs);
      time += frameMs;
      at += sizeBytes;
    }
  }
}

export class OpusReader extends AudioReader {
  /** The identification header; without it the first packet decides between mono and stereo. */
  override configure(data: Uint8Array, start: number, end: number): void {
    if (end - start < OPUS_HEAD_BYTES) {
      return;
    }
    const channels = data[start + 9] as number;
    const track = { kind: 'audio', codec: 'opus', clockRate: OPUS_RATE_HZ, channels } as const;
    if (data[start + 18] === 0) {
      if (channels !== 1 && channels !== 2) {
        throw new PerchError('unsupported', `Opus of mapping family 0 with ${channels} channels`);
      }
      this.describe(track);
      return;
    }
    const [streams = 0, coupledStreams = 0] = data.subarray(start + 19, end);
    const layout = {
      streams,
      coupledStreams,
      mapping: [...data.subarray(start + 21, Math.min(end, start + 21 + channels))],
    };
    if (!isOpusLayout(channels, layout)) {
      throw new PerchError('unsupported', `Opus with ${channels} channels in ${streams} streams`);
    }
    const isPlain = channels <= 2 && streams === 1;
    this.describe(isPlain ? track : { ...track, layout });
  }

  frame(data: Uint8Array, start: number, end: number, pts: number): void {
    if (end === start) {
      return;
    }
    if (!this.isDescribed) {
      const channels = ((data[start] as number) & 4) === 0 ? 1 : 2;
      this.describe({ kind: 'audio', codec: 'opus', clockRate: OPUS_RATE_HZ, channels });
    }
    this.deliver(data, start, end, pts, opusFrameTicks(data.subarray(start, end)) / OPUS_TICKS_PER_MS);
  }
}

export class Ac3Reader extends AudioReader {
  readonly #variant: Ac3Variant;
  readonly #change = new FormatChange();

  constructor(track: FlvTrack, variant: Ac3Variant) {
    super(track);
    this.#variant = variant;
  }

  frame(data: Uint8Array, start: number, end: number, pts: number): void {
    const frame = this.#variant.parse(data, start, end);
    const change = this.#change.next(frame.fields);
    if (change === 'doubtful') {
      throw new PerchError('badInput', `${this.#variant.name} frame of another format`);
    }
    if (change === 'new') {
      this.describe(this.#variant.track(frame));
    }
    // Further substreams of E-AC-3 follow the first one.
    const next = Math.min(end, start + frame.sizeBytes);
    this.deliver(data, start, next, pts, (FRAME_SAMPLES * 1000) / frame.sampleRate);
  }
}

export class FlacReader extends ConfiguredReader {
  override configure(data: Uint8Array, start: number, end: number): void {
    // FFmpeg leaves the prefix out.
    const at = start + (end - start === STREAM_INFO_BYTES ? 0 : FLAC_PREFIX_BYTES);
    const track = parseStreamInfo(data.subarray(at, end));
    this.frameMs = (track.frameSamples * 1000) / track.clockRate;
    this.describe(track);
  }
}

/** FLV specification §E.4.2.1: 8 kHz, mono. */
export class G711Reader extends AudioReader {
  readonly #law: 'a' | 'mu';

  constructor(track: FlvTrack, law: 'a' | 'mu') {
    super(track);
    this.#law = law;
  }

  frame(data: Uint8Array, start: number, end: number, pts: number): void {
    if (!this.isDescribed) {
      this.describe({ kind: 'audio', codec: 'g711', law: this.#law, clockRate: G711_RATE_HZ, channels: 1 });
    }
    this.deliver(data, start, end, pts, ((end - start) * 1000) / G711_RATE_HZ);
  }
}

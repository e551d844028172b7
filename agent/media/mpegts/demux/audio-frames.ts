import { PerchError } from '../../../base/errors.ts';
import { readChannelLayout } from '../../aac/decode/program.ts';
import { createLatmDepacketizer } from '../../aac/latm.ts';
import { aacConfigurationOf, parseAacConfig } from '../../aac/params.ts';
import { type Ac3Frame, type Ac3Variant, FRAME_SAMPLES } from '../../ac3/params.ts';
import { type MpegAudioFrame, parseMpegAudioFrame } from '../../mpeg-audio/params.ts';
import { opusFrameTicks } from '../../opus/params.ts';
import { BitReader } from '../../payload/bit-reader.ts';
import type { UnitSink } from '../../payload/depacketizer.ts';
import { FormatChange } from '../../sample/format-change.ts';
import { AUDIO_SAMPLES, SampleBuffer } from '../../sample/sample-buffer.ts';
import type { OpusLayout, Track } from '../../sample/track.ts';
import { USUAL_LAYOUTS } from '../stream-format.ts';

const CLOCK_HZ = 90_000;

/** Audio frames that carry their own size. */
export interface FrameFormat {
  /** Bytes that `read` needs. */
  readonly headerBytes: number;
  /** Duration of the last frame read, in 90 kHz ticks, with fraction. */
  readonly durationTicks: number;
  /** @returns the size of the frame at `at`; infinite: more bytes are needed to know it @throws PerchError: no frame begins there */
  read(data: Uint8Array, at: number, end: number): number;
  /** Delivers the last frame read: `data[at, end)`. */
  put(data: Uint8Array, at: number, end: number, ticks: number): void;
}

/** Delivers frames without their container's header. */
class Frames {
  readonly #sink: UnitSink;
  readonly #buffer = new SampleBuffer(AUDIO_SAMPLES);

  constructor(sink: UnitSink) {
    this.#sink = sink;
  }

  put(data: Uint8Array, start: number, end: number, ticks: number): void {
    if (start < end && this.#buffer.append(data, start, end)) {
      this.#sink.onUnit(ticks, ticks, true, this.#buffer.take());
    }
  }
}

/** Frames whose header describes the track. */
abstract class DescribedFrames implements FrameFormat {
  abstract readonly headerBytes: number;
  durationTicks = 0;
  /** Header bits of the last frame read that the track depends on; -1: none yet. */
  protected fields = -1;
  readonly #sink: UnitSink;
  readonly #frames: Frames;
  readonly #change = new FormatChange();

  constructor(sink: UnitSink) {
    this.#sink = sink;
    this.#frames = new Frames(sink);
  }

  abstract read(data: Uint8Array, at: number, end: number): number;

  /** The track, as the last frame read describes it. */
  protected abstract track(): Track;

  put(data: Uint8Array, at: number, end: number, ticks: number): void {
    const change = this.#change.next(this.fields);
    if (change === 'doubtful') {
      this.#sink.onDamage('audio frame of another format');
      return;
    }
    if (change === 'new') {
      this.#sink.onTrack(this.track());
    }
    this.#frames.put(data, at, end, ticks);
  }
}

/** id_syn_ele of a program_config_element, ISO/IEC 14496-3 table 4.85. */
const PROGRAM_CONFIG = 5;

/** ISO/IEC 14496-3 §1.A.2.2: sync word 0xFFF, ID, layer 0, no CRC | profile 2, rate 4, private, channels 3, 4 | length 13, fullness 11, blocks 2. */
export class AdtsFrames extends DescribedFrames {
  readonly headerBytes = 7;
  #dataBytes = 0;
  /** Channels of the last program config element; 0: none yet. */
  #programChannels = 0;

  read(data: Uint8Array, at: number, end: number): number {
    const second = data[at + 1] as number;
    if (data[at] !== 0xff || (second & 0xf6) !== 0xf0) {
      throw new PerchError('badInput', `ADTS frame begins with byte ${data[at]}, ${second}: no sync word`);
    }
    const third = data[at + 2] as number;
    const fourth = data[at + 3] as number;
    const size = ((fourth & 3) << 11) | ((data[at + 4] as number) << 3) | ((data[at + 5] as number) >> 5);
    this.#dataBytes = (second & 1) === 1 ? 7 : 9;
    const blocks = ((data[at + 6] as number) & 3) + 1;
    if (size <= this.#dataBytes || blocks > 1) {
      throw new PerchError('unsupported', `ADTS frame of ${size} bytes with ${blocks} blocks, one allowed`);
    }
    let channels = ((third & 1) << 2) | (fourth >> 6);
    if (channels === 0) {
      if (at + size > end) {
        return size;
      }
      channels = this.#configurationOf(data.subarray(at + this.#dataBytes, at + size));
    }
    // As in an AudioSpecificConfig: object type 5, rate 4, channels 4, 3 zeros.
    const fields = (((third >> 6) + 1) << 11) | (((third >> 2) & 0x0f) << 7) | (channels << 3);
    if (fields !== this.fields) {
      const { rateHz, frameSamples } = parseAacConfig(Uint8Array.of(fields >> 8, fields));
      this.durationTicks = (frameSamples * CLOCK_HZ) / rateHz;
      this.fields = fields;
    }
    return size;
  }

  override put(data: Uint8Array, at: number, end: number, ticks: number): void {
    super.put(data, at + this.#dataBytes, end, ticks);
  }

  /** The channel configuration of a frame that names none: its first element describes the program, or that of a frame before. */
  #configurationOf(frame: Uint8Array): number {
    const bits = new BitReader(frame, 0, frame.length, false);
    if (bits.bits(3) === PROGRAM_CONFIG) {
      this.#programChannels = readChannelLayout(bits);
    }
    const configuration = aacConfigurationOf(this.#programChannels);
    if (configuration === undefined) {
      const message = `ADTS with ${this.#programChannels || 'unknown'} channels in a program config element`;
      throw new PerchError('unsupported', message);
    }
    return configuration;
  }

  protected track(): Track {
    const config = Uint8Array.of(this.fields >> 8, this.fields);
    const { rateHz: clockRate, frameSamples, channels } = parseAacConfig(config);
    return { kind: 'audio', codec: 'aac', clockRate, channels, config, frameSamples };
  }
}

/** AudioSyncStream, ISO/IEC 14496-3 §1.7.2: sync word 0x2B7 (11), length (13), AudioMuxElement with its configuration. */
export class LoasFrames implements FrameFormat, UnitSink {
  readonly headerBytes = 3;
  durationTicks = 0;
  readonly #sink: UnitSink;
  readonly #elements;
  #frameTicks = 0;

  constructor(sink: UnitSink) {
    this.#sink = sink;
    const format = { payloadType: 0, encoding: 'MP4A-LATM', clockRate: CLOCK_HZ, channels: 2, fmtp: new Map() };
    this.#elements = createLatmDepacketizer(format, this);
  }

  read(data: Uint8Array, at: number): number {
    const second = data[at + 1] as number;
    if (data[at] !== 0x56 || (second & 0xe0) !== 0xe0) {
      throw new PerchError('badInput', `LOAS frame begins with byte ${data[at]}, ${second}: no sync word`);
    }
    return 3 + (((second & 0x1f) << 8) | (data[at + 2] as number));
  }

  put(data: Uint8Array, at: number, end: number, ticks: number): void {
    this.durationTicks = 0;
    this.#elements?.push(data, at + 3, end, ticks, true, false);
  }

  onTrack(track: Track): void {
    this.#frameTicks = track.codec === 'aac' ? (track.frameSamples * CLOCK_HZ) / track.clockRate : 0;
    this.#sink.onTrack(track);
  }

  onUnit(pts: number, dts: number, key: boolean, data: Uint8Array): void {
    this.durationTicks += this.#frameTicks;
    this.#sink.onUnit(pts, dts, key, data);
  }

  onDamage(reason: string): void {
    this.#sink.onDamage(reason);
  }
}

/** ISO/IEC 11172-3 and 13818-3. */
export class MpegAudioFrames extends DescribedFrames {
  readonly headerBytes = 4;
  #frame: MpegAudioFrame | undefined;

  read(data: Uint8Array, at: number, end: number): number {
    const frame = parseMpegAudioFrame(data, at, end);
    const { format, sampleRate, frameSamples, sizeBytes } = frame;
    this.durationTicks = (frameSamples * CLOCK_HZ) / sampleRate;
    this.fields = format;
    this.#frame = frame;
    return sizeBytes;
  }

  protected track(): Track {
    const { version, layer, sampleRate, channels } = this.#frame as MpegAudioFrame;
    return { kind: 'audio', codec: 'mpeg-audio', clockRate: CLOCK_HZ, version, layer, sampleRate, channels };
  }
}

/** ETSI TS 102 366. */
export class Ac3Frames extends DescribedFrames {
  readonly headerBytes = 7;
  readonly #variant: Ac3Variant;
  #frame: Ac3Frame | undefined;

  constructor(variant: Ac3Variant, sink: UnitSink) {
    super(sink);
    this.#variant = variant;
  }

  read(data: Uint8Array, at: number, end: number): number {
    const frame = this.#variant.parse(data, at, end);
    this.durationTicks = frame.isFurther ? 0 : (FRAME_SAMPLES * CLOCK_HZ) / frame.sampleRate;
    this.fields = frame.fields;
    this.#frame = frame;
    return frame.sizeBytes;
  }

  override put(data: Uint8Array, at: number, end: number, ticks: number): void {
    if (!this.#frame?.isFurther) {
      super.put(data, at, end, ticks);
    }
  }

  protected track(): Track {
    return this.#variant.track(this.#frame as Ac3Frame);
  }
}

const MAX_OPUS_BYTES = 8_192;
const START_TRIM = 0x10;
const END_TRIM = 0x08;
const EXTENSION = 0x04;

/** "Opus in MPEG-2 TS": opus_control_header: prefix 0x3FF (11), three flags, 2 | size as a sum of bytes | trims 16 each | extension. */
export class OpusFrames implements FrameFormat {
  readonly headerBytes = 3;
  durationTicks = 0;
  readonly #frames: Frames;
  readonly #sink: UnitSink;
  #dataBytes = 0;

  /** @param channels channel_config_code: 1 to 8 */
  constructor(sink: UnitSink, channels: number) {
    this.#sink = sink;
    this.#frames = new Frames(sink);
    sink.onTrack({ kind: 'audio', codec: 'opus', clockRate: 48_000, channels, ...layoutOf(channels) });
  }

  read(data: Uint8Array, at: number, end: number): number {
    const flags = data[at + 1] as number;
    if (data[at] !== 0x7f || (flags & 0xe0) !== 0xe0) {
      throw new PerchError('badInput', `Opus control header begins with byte ${data[at]}, ${flags}: no prefix`);
    }
    let next = at + 2;
    let size = 0;
    for (let part = 255; part === 255; next += 1) {
      if (next >= end) {
        return Number.POSITIVE_INFINITY;
      }
      part = data[next] as number;
      size += part;
    }
    next += (flags & START_TRIM ? 2 : 0) + (flags & END_TRIM ? 2 : 0);
    if (flags & EXTENSION) {
      if (next >= end) {
        return Number.POSITIVE_INFINITY;
      }
      next += 1 + (data[next] as number);
    }
    if (size > MAX_OPUS_BYTES) {
      throw new PerchError('badInput', `Opus packet of at least ${size} bytes, at most ${MAX_OPUS_BYTES} allowed`);
    }
    this.#dataBytes = next - at;
    return this.#dataBytes + size;
  }

  put(data: Uint8Array, at: number, end: number, ticks: number): void {
    const start = at + this.#dataBytes;
    const frameTicks = opusFrameTicks(data.subarray(start, Math.min(end, start + 2)));
    this.durationTicks = (frameTicks * CLOCK_HZ) / 48_000;
    if (frameTicks > 0) {
      this.#frames.put(data, start, end, ticks);
    } else {
      this.#sink.onDamage(`Opus packet of ${end - start} bytes has no valid frame duration`);
    }
  }
}

function layoutOf(channels: number): { readonly layout?: OpusLayout } {
  const usual = USUAL_LAYOUTS[channels - 3];
  return usual ? { layout: { streams: usual[0], coupledStreams: usual[1], mapping: usual[2] } } : {};
}

import { PerchError } from '../../../base/errors.ts';
import { createLatmDepacketizer } from '../../aac/latm.ts';
import { parseAacConfig } from '../../aac/params.ts';
import { FRAME_SAMPLES, parseAc3Frame } from '../../ac3/params.ts';
import { parseMpegAudioFrame } from '../../mpeg-audio/params.ts';
import { opusFrameTicks } from '../../opus/params.ts';
import type { UnitSink } from '../../payload/depacketizer.ts';
import { AUDIO_SAMPLES, SampleBuffer } from '../../sample/sample-buffer.ts';
import type { OpusLayout, Track } from '../../sample/track.ts';
import { USUAL_LAYOUTS } from '../stream-format.ts';

const CLOCK_HZ = 90_000;

/** Audio frames that carry their own size. */
export interface FrameFormat {
  /** Bytes that `read` needs. */
  readonly headerBytes: number;
  /** Of the last frame read, in 90 kHz ticks, with fraction. */
  readonly durationTicks: number;
  /** @returns the size of the frame at `at`; infinite: more bytes are needed to know it @throws PerchError: no frame begins there */
  read(data: Uint8Array, at: number, end: number): number;
  /** Delivers the last frame read: `data[at, end)`. */
  put(data: Uint8Array, at: number, end: number, ticks: number): void;
}

/** Delivers frames without their container's header, and the track before the first one. */
class Frames {
  readonly #sink: UnitSink;
  readonly #buffer = new SampleBuffer(AUDIO_SAMPLES);
  #key = '';

  constructor(sink: UnitSink) {
    this.#sink = sink;
  }

  /** @param key of everything that the track depends on */
  describe(key: string, track: () => Track): void {
    if (key !== this.#key) {
      this.#key = key;
      this.#sink.onTrack(track());
    }
  }

  put(data: Uint8Array, start: number, end: number, ticks: number): void {
    if (start < end && this.#buffer.append(data, start, end)) {
      this.#sink.onUnit(ticks, ticks, true, this.#buffer.take());
    }
  }
}

/** ISO/IEC 14496-3 §1.A.2.2: sync word 0xFFF, ID, layer 0, no CRC | profile 2, rate 4, private, channels 3, 4 | length 13, fullness 11, blocks 2. */
export class AdtsFrames implements FrameFormat {
  readonly headerBytes = 7;
  durationTicks = 0;
  readonly #frames: Frames;
  readonly #sink: UnitSink;
  /** The header bits that make the AudioSpecificConfig; -1: none yet. */
  #fields = -1;
  #dataBytes = 0;

  constructor(sink: UnitSink) {
    this.#sink = sink;
    this.#frames = new Frames(sink);
  }

  read(data: Uint8Array, at: number): number {
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
      throw new PerchError('unsupported', `ADTS frame of ${size} bytes with ${blocks} blocks, one is taken`);
    }
    const fields = ((third & 0xfc) << 1) | ((third & 1) << 2) | (fourth >> 6);
    if (fields !== this.#fields) {
      this.#describe(third, fourth);
      this.#fields = fields;
    }
    return size;
  }

  put(data: Uint8Array, at: number, end: number, ticks: number): void {
    this.#frames.put(data, at + this.#dataBytes, end, ticks);
  }

  #describe(third: number, fourth: number): void {
    const channels = ((third & 1) << 2) | (fourth >> 6);
    const bits = (((third >> 6) + 1) << 11) | (((third >> 2) & 0x0f) << 7) | (channels << 3);
    const config = Uint8Array.of(bits >> 8, bits);
    const { rateHz: clockRate, frameSamples, channels: known } = parseAacConfig(config);
    if (known === 0) {
      throw new PerchError('unsupported', 'ADTS with its channels in a program config element');
    }
    this.durationTicks = (frameSamples * CLOCK_HZ) / clockRate;
    this.#sink.onTrack({ kind: 'audio', codec: 'aac', clockRate, channels: known, config, frameSamples });
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
export class MpegAudioFrames implements FrameFormat {
  readonly headerBytes = 4;
  durationTicks = 0;
  readonly #frames: Frames;

  constructor(sink: UnitSink) {
    this.#frames = new Frames(sink);
  }

  read(data: Uint8Array, at: number, end: number): number {
    const { version, layer, sampleRate, channels, frameSamples, sizeBytes } = parseMpegAudioFrame(data, at, end);
    this.durationTicks = (frameSamples * CLOCK_HZ) / sampleRate;
    this.#frames.describe(`${version},${layer},${sampleRate},${channels}`, () => ({
      kind: 'audio',
      codec: 'mpeg-audio',
      clockRate: CLOCK_HZ,
      version,
      layer,
      sampleRate,
      channels,
    }));
    return sizeBytes;
  }

  put(data: Uint8Array, at: number, end: number, ticks: number): void {
    this.#frames.put(data, at, end, ticks);
  }
}

/** ETSI TS 102 366. */
export class Ac3Frames implements FrameFormat {
  readonly headerBytes = 7;
  durationTicks = 0;
  readonly #frames: Frames;

  constructor(sink: UnitSink) {
    this.#frames = new Frames(sink);
  }

  read(data: Uint8Array, at: number, end: number): number {
    const { sampleRate, channels, sizeBytes, config } = parseAc3Frame(data, at, end);
    this.durationTicks = (FRAME_SAMPLES * CLOCK_HZ) / sampleRate;
    this.#frames.describe(`${config}`, () => ({
      kind: 'audio',
      codec: 'ac3',
      clockRate: sampleRate,
      channels,
      config: Uint8Array.of(config >> 16, config >> 8, config),
    }));
    return sizeBytes;
  }

  put(data: Uint8Array, at: number, end: number, ticks: number): void {
    this.#frames.put(data, at, end, ticks);
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

import { PerchError, rethrowUnexpected, unlessExpected } from '../../base/errors.ts';
import { BitReader } from '../payload/bit-reader.ts';
import type { Depacketizer, RtpFormat, UnitSink } from '../payload/depacketizer.ts';
import { AUDIO_SAMPLES, SampleBuffer } from '../sample/sample-buffer.ts';
import { configBytes } from './format.ts';
import { type LatmConfig, readStreamMuxConfig } from './latm-config.ts';

/** numSubFrames has six bits. */
const MAX_FRAMES = 64;
const ALL_ONES = 255;
/** Trailing zeros that may be missing: frameLengthType, latmBufferFullness and two flags. */
const MISSING_BYTES = 2;
/** Room for eight channels of 768 bytes; also the limit of RFC 3640. */
const MAX_FRAME_BYTES = 8191;

/**
 * MP4A-LATM, RFC 6416. The configuration is in the SDP (cpresent=0) or in the stream (cpresent=1, the default; senders with `config` and
 * without cpresent mean the former). Undefined: the SDP should have a configuration, but it is missing or invalid.
 */
export function createLatmDepacketizer(format: RtpFormat, sink: UnitSink): Depacketizer | undefined {
  const config = latmConfigOf(format);
  const cpresent = format.fmtp.get('cpresent')?.trim();
  const isInBand = cpresent === undefined ? config === undefined : cpresent !== '0';
  return config || isInBand ? new LatmDepacketizer(format, config, isInBand, sink) : undefined;
}

/** The configuration in the SDP: here `config` is a StreamMuxConfig, §7.3. GStreamer omits its trailing zeros. */
export function latmConfigOf(format: RtpFormat): LatmConfig | undefined {
  const written = configBytes(format);
  if (!written) {
    return undefined;
  }
  const bytes = new Uint8Array(written.length + MISSING_BYTES);
  bytes.set(written);
  return unlessExpected(() => readStreamMuxConfig(new BitReader(bytes, 0, bytes.length, false), bytes));
}

/** A packet holds one AudioMuxElement or a fragment of one, §6.1; the marker is set on the last. */
class LatmDepacketizer implements Depacketizer {
  readonly #sink: UnitSink;
  readonly #format: RtpFormat;
  readonly #isInBand: boolean;
  readonly #buffer = new SampleBuffer(AUDIO_SAMPLES);
  readonly #bits = new BitReader(new Uint8Array(0), 0, 0, false);
  /** First bit and size in bytes of each frame of the element. */
  readonly #startBits = new Uint32Array(MAX_FRAMES);
  readonly #sizes = new Uint32Array(MAX_FRAMES);
  #config: LatmConfig | undefined;
  /** Another configuration, which came once: a damaged element may look like one, so it counts from its second element on. */
  #doubtful: LatmConfig | undefined;
  #frameTicks = 0;
  /** RTP timestamp of the current element. */
  #ticks = 0;
  #hasSeenFragments = false;
  /** The start of the element is lost: fragments are dropped up to the next marker or timestamp. */
  #isLost = false;

  constructor(format: RtpFormat, config: LatmConfig | undefined, isInBand: boolean, sink: UnitSink) {
    this.#format = format;
    this.#sink = sink;
    this.#isInBand = isInBand;
    if (config) {
      this.#use(config);
    }
  }

  push(chunk: Uint8Array, start: number, end: number, ticks: number, marker: boolean, gap: boolean): void {
    const isNewTime = ticks !== this.#ticks;
    this.#ticks = ticks;
    if (this.#buffer.sizeBytes > 0 && (gap || isNewTime)) {
      this.#damage('a fragment of an AAC frame is missing');
    }
    this.#isLost = (this.#isLost && (gap || !isNewTime)) || (gap && this.#hasSeenFragments);
    if (this.#isLost) {
      this.#isLost = !marker;
      return;
    }
    try {
      if (!this.#buffer.append(chunk, start, end)) {
        throw new PerchError('exhausted', `more than ${AUDIO_SAMPLES.maxSampleBytes} bytes`);
      }
      const { slab, start: first, tail } = this.#buffer;
      if (this.#take(slab.subarray(first, tail))) {
        this.#isLost &&= !marker;
        return;
      }
      this.#hasSeenFragments = true;
      if (marker) {
        throw new PerchError('badInput', `its frames end after its ${tail - first} bytes`);
      }
    } catch (error) {
      rethrowUnexpected(error);
      this.#damage(`LATM element: ${error.message}`);
      this.#isLost = !marker;
    }
  }

  /** Delivers the frames once all are received; false before that. @throws PerchError for invalid frames */
  #take(element: Uint8Array): boolean {
    let config = this.#config;
    let startBit = 0;
    let isRepeated = true;
    if (this.#isInBand) {
      const bits = this.#bits;
      bits.reset(element, 0, element.length);
      isRepeated = bits.flag();
      config = isRepeated ? config : readStreamMuxConfig(bits, element);
      startBit = bits.positionBits;
    }
    if (!config) {
      // The sender repeats it. Fragments of this element may follow.
      this.#buffer.drop();
      this.#isLost = true;
      return true;
    }
    if (!this.#findFrames(element, startBit, config)) {
      return false;
    }
    if (isRepeated ? this.#doubtful !== undefined : this.#isDoubtful(config)) {
      throw new PerchError('badInput', 'another configuration');
    }
    this.#use(config);
    const unit = this.#buffer.take();
    for (let i = 0; i < config.frames; i += 1) {
      const size = this.#sizes[i] as number;
      const at = alignBytes(unit, this.#startBits[i] as number, size);
      const pts = this.#ticks + Math.round(i * this.#frameTicks);
      if (size > 0) {
        // A unit has one owner: the rare frames after the first are copied.
        this.#sink.onUnit(pts, pts, true, i === 0 ? unit.subarray(at, at + size) : unit.slice(at, at + size));
      }
    }
    return true;
  }

  /** PayloadLengthInfo and PayloadMux, tables 1.44 and 1.45: a size is a sum of bytes, the last one below 255. False: incomplete. */
  #findFrames(element: Uint8Array, startBit: number, config: LatmConfig): boolean {
    const endBit = 8 * element.length;
    let bit = startBit;
    for (let i = 0; i < config.frames; i += 1) {
      let size = config.fixedBytes;
      for (let part = ALL_ONES; config.fixedBytes === 0 && part === ALL_ONES; bit += 8) {
        if (bit + 8 > endBit) {
          return false;
        }
        part = byteAt(element, bit);
        size += part;
      }
      if (size > MAX_FRAME_BYTES) {
        throw new PerchError('badInput', `AAC frame of at least ${size} bytes, at most ${MAX_FRAME_BYTES} allowed`);
      }
      this.#startBits[i] = bit;
      this.#sizes[i] = size;
      bit += 8 * size;
    }
    return bit <= endBit;
  }

  #isDoubtful(config: LatmConfig): boolean {
    const isChange = this.#config !== undefined && !isEqual(this.#config.config, config.config);
    const isConfirmed = this.#doubtful !== undefined && isEqual(this.#doubtful.config, config.config);
    this.#doubtful = isChange && !isConfirmed ? config : undefined;
    return this.#doubtful !== undefined;
  }

  #use(config: LatmConfig): void {
    const old = this.#config;
    this.#config = config;
    if (old && isEqual(old.config, config.config)) {
      return;
    }
    const { rateHz, channels, frameSamples } = config.aac;
    this.#frameTicks = (frameSamples * this.#format.clockRate) / rateHz;
    this.#sink.onTrack({
      kind: 'audio',
      codec: 'aac',
      clockRate: rateHz,
      channels: channels === 0 ? this.#format.channels : channels,
      config: config.config,
      frameSamples,
    });
  }

  #damage(reason: string): void {
    this.#buffer.drop();
    this.#sink.onDamage(reason);
  }
}

/** The eight bits from `bit` on. */
function byteAt(data: Uint8Array, bit: number): number {
  const at = bit >> 3;
  const pair = ((data[at] as number) << 8) | (data[at + 1] ?? 0);
  return (pair >> (8 - (bit & 7))) & 0xff;
}

/**
 * Aligns `size` bytes in place: the flag for a configuration takes one bit, so frames are not byte-aligned.
 * @returns their offset
 */
function alignBytes(data: Uint8Array, startBit: number, size: number): number {
  const start = startBit >> 3;
  const shift = startBit & 7;
  for (let at = start; shift > 0 && at < start + size; at += 1) {
    data[at] = ((data[at] as number) << shift) | ((data[at + 1] as number) >> (8 - shift));
  }
  return start;
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

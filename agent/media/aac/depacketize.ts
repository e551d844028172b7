import { unlessExpected } from '../../base/errors.ts';
import { BitReader } from '../payload/bit-reader.ts';
import type { Depacketizer, RtpFormat, UnitSink } from '../payload/depacketizer.ts';
import { AUDIO_SAMPLES, SampleBuffer } from '../sample/sample-buffer.ts';
import type { AacTrack } from '../sample/track.ts';
import { type AuHeaderFormat, auHeaderFormat, configBytes } from './format.ts';
import { parseAacConfig, writeAacConfig } from './params.ts';

/** About half a second; more frames in one packet are an error. */
const MAX_UNITS_PER_PACKET = 64;

/** Undefined: no valid AudioSpecificConfig, or an unsupported fmtp. */
export function createAacDepacketizer(format: RtpFormat, sink: UnitSink): Depacketizer | undefined {
  const headers = auHeaderFormat(format);
  const track = aacTrack(format);
  if (!headers || !track) {
    return undefined;
  }
  sink.onTrack(track);
  return new AacDepacketizer(headers, track, format.clockRate, sink);
}

/** The config has the sample rate: some cameras send another one in the rtpmap, which is the RTP clock only. */
export function aacTrack(format: RtpFormat): AacTrack | undefined {
  const config = configBytes(format) ?? writeAacConfig(format.clockRate, format.channels);
  if (!config) {
    return undefined;
  }
  return unlessExpected(() => {
    const { rateHz, channels, frameSamples } = parseAacConfig(config);
    const known = channels === 0 ? format.channels : channels;
    return { kind: 'audio', codec: 'aac', clockRate: rateHz, channels: known, config, frameSamples };
  });
}

/**
 * RFC 3640, AAC-hbr and AAC-lbr: AU-headers-length in bits (16), AU headers (size, index or index delta), padding to a byte, access units.
 * A packet holds whole units, or one fragment of one: then the size in its header is that of the whole unit (§3.2.3).
 * Interleaved units (index delta above 0) are rejected.
 */
class AacDepacketizer implements Depacketizer {
  readonly #headers: AuHeaderFormat;
  readonly #sink: UnitSink;
  readonly #frameTicks: number;
  readonly #buffer = new SampleBuffer(AUDIO_SAMPLES);
  readonly #bits = new BitReader(new Uint8Array(0), 0, 0, false);
  readonly #sizes = new Uint32Array(MAX_UNITS_PER_PACKET);
  /** Time of the current fragmented unit; NaN: none. */
  #fragmentTicks = Number.NaN;

  constructor(headers: AuHeaderFormat, track: AacTrack, rtpClockHz: number, sink: UnitSink) {
    this.#headers = headers;
    this.#sink = sink;
    this.#frameTicks = (track.frameSamples * rtpClockHz) / track.clockRate;
  }

  push(chunk: Uint8Array, start: number, end: number, ticks: number, marker: boolean, gap: boolean): void {
    const isFragmented = !Number.isNaN(this.#fragmentTicks);
    if (isFragmented && (gap || ticks !== this.#fragmentTicks)) {
      this.#damage('a fragment of an AAC frame is missing');
    }
    if (adtsHeaderBytes(chunk, start, end) > 0) {
      this.#unit(chunk, start, end, ticks);
      return;
    }
    if (end - start < 2) {
      return;
    }
    const headerBits = ((chunk[start] as number) << 8) | (chunk[start + 1] as number);
    const dataStart = start + 2 + ((headerBits + 7) >> 3);
    const count = dataStart <= end ? this.#readSizes(chunk, start + 2, dataStart, headerBits) : 0;
    const first = this.#sizes[0] as number;
    if (count === 0) {
      this.#damage(`AU headers of ${headerBits} bits in ${end - start} bytes cannot be read`);
    } else if (count === 1 && first > end - dataStart) {
      this.#fragment(chunk, dataStart, end, ticks, first, marker);
    } else {
      this.#units(chunk, dataStart, end, ticks, count);
    }
  }

  /** Writes sizes in bytes to `#sizes`. @returns their number; 0: invalid headers */
  #readSizes(chunk: Uint8Array, start: number, end: number, headerBits: number): number {
    const { sizeBits, indexBits, indexDeltaBits } = this.#headers;
    const bits = this.#bits;
    bits.reset(chunk, start, end);
    let left = headerBits;
    let count = 0;
    for (; left >= sizeBits + (count === 0 ? indexBits : indexDeltaBits); count += 1) {
      if (count === MAX_UNITS_PER_PACKET) {
        return 0;
      }
      this.#sizes[count] = bits.bits(sizeBits);
      const index = bits.bits(count === 0 ? indexBits : indexDeltaBits);
      if (count > 0 && index !== 0) {
        return 0;
      }
      left -= sizeBits + (count === 0 ? indexBits : indexDeltaBits);
    }
    return count;
  }

  #units(chunk: Uint8Array, start: number, end: number, ticks: number, count: number): void {
    let at = start;
    for (let i = 0; i < count; i += 1) {
      const size = this.#sizes[i] as number;
      if (at + size > end) {
        this.#damage(`AAC frame of ${size} bytes in a packet with ${end - at} bytes left`);
        return;
      }
      this.#unit(chunk, at, at + size, ticks + Math.round(i * this.#frameTicks));
      at += size;
    }
  }

  /** One unit; of ADTS its frames, without headers. */
  #unit(chunk: Uint8Array, start: number, end: number, ticks: number): void {
    let headerBytes = adtsHeaderBytes(chunk, start, end);
    if (headerBytes === 0) {
      this.#emit(chunk, start, end, ticks);
      return;
    }
    let at = start;
    for (let i = 0; headerBytes > 0 && i < MAX_UNITS_PER_PACKET; i += 1) {
      const next = at + adtsFrameBytes(chunk, at);
      this.#emit(chunk, at + headerBytes, next, ticks + Math.round(i * this.#frameTicks));
      at = next;
      headerBytes = adtsHeaderBytes(chunk, at, end);
    }
  }

  #emit(chunk: Uint8Array, start: number, end: number, ticks: number): void {
    if (this.#buffer.sizeBytes > 0) {
      this.#damage('a fragmented AAC frame has no end');
    }
    if (start < end && this.#buffer.append(chunk, start, end)) {
      this.#sink.onUnit(ticks, ticks, true, this.#buffer.take());
    }
  }

  /** The last byte completes the unit: not every camera sets the marker. */
  #fragment(chunk: Uint8Array, start: number, end: number, ticks: number, size: number, marker: boolean): void {
    const buffer = this.#buffer;
    this.#fragmentTicks = ticks;
    const isRoom = buffer.append(chunk, start, end);
    if (isRoom && buffer.sizeBytes === size) {
      this.#fragmentTicks = Number.NaN;
      this.#emitWhole(ticks);
    } else if (!isRoom || buffer.sizeBytes > size || marker) {
      this.#damage(`fragments of an AAC frame of ${size} bytes have ${buffer.sizeBytes}`);
    }
  }

  #emitWhole(ticks: number): void {
    const { slab, start, tail } = this.#buffer;
    const headerBytes = adtsHeaderBytes(slab, start, tail);
    const unit = this.#buffer.take();
    this.#sink.onUnit(ticks, ticks, true, headerBytes === 0 ? unit : unit.subarray(headerBytes));
  }

  #damage(reason: string): void {
    this.#fragmentTicks = Number.NaN;
    this.#buffer.drop();
    this.#sink.onDamage(reason);
  }
}

const MIN_ADTS_BYTES = 7;
const ADTS_CRC_BYTES = 2;

/**
 * Size in bytes of the ADTS header (ISO/IEC 14496-3 §1.A.2.2: sync word 0xFFF, then 13 bits of frame length) at `start`, or 0.
 * A raw AAC frame cannot begin with the sync word: its first three bits would be the end mark.
 */
function adtsHeaderBytes(data: Uint8Array, start: number, end: number): number {
  if (end - start < MIN_ADTS_BYTES || data[start] !== 0xff || ((data[start + 1] as number) & 0xf6) !== 0xf0) {
    return 0;
  }
  const hasNoCrc = ((data[start + 1] as number) & 1) === 1;
  const headerBytes = MIN_ADTS_BYTES + (hasNoCrc ? 0 : ADTS_CRC_BYTES);
  const frameBytes = adtsFrameBytes(data, start);
  return frameBytes >= headerBytes && start + frameBytes <= end ? headerBytes : 0;
}

/** aac_frame_length: header included. */
function adtsFrameBytes(data: Uint8Array, start: number): number {
  const high = (data[start + 3] as number) & 3;
  return (high << 11) | ((data[start + 4] as number) << 3) | ((data[start + 5] as number) >> 5);
}

import { NAL_LENGTH_BYTES, readNalLength } from '../../payload/nal.ts';
import type { Sample } from '../../sample/sample.ts';
import type { AacTrack, Track } from '../../sample/track.ts';
import { adtsFields } from '../stream-format.ts';
import type { PacketWriter } from './packet-writer.ts';

/** Converts a track's samples to their form in transport streams. */
export interface ElementaryStream {
  /** Bytes before those of the sample, whose number does not change. */
  prefixBytesOf(sample: Sample): number;
  /** Writes the prefix and the sample. */
  put(sample: Sample, out: PacketWriter): void;
}

export function elementaryStreamOf(track: Track): ElementaryStream {
  switch (track.codec) {
    case 'h264':
      return new AnnexB(H264_DELIMITER, [track.sps, ...track.pps]);
    case 'h265':
      return new AnnexB(H265_DELIMITER, [track.vps, track.sps, ...track.pps]);
    case 'mpeg4-video':
      return new WithConfig(track.config);
    case 'aac':
      return new Adts(track);
    case 'opus':
      return new OpusUnits();
    case 'klv':
      return new MetadataCells();
    default:
      return AS_IT_IS;
  }
}

const AS_IT_IS: ElementaryStream = {
  prefixBytesOf: () => 0,
  put: (sample, out) => out.put(sample.data, 0, sample.data.length),
};

/** Start code of four bytes, as many as the length that it replaces. */
const START_CODE = Uint8Array.of(0, 0, 0, 1);
/** Access unit delimiters for any picture type: H.264 §7.3.2.4, H.265 §7.3.2.5; required by ISO/IEC 13818-1 §2.14.1 and §2.17.1. */
const H264_DELIMITER = Uint8Array.of(0, 0, 0, 1, 0x09, 0xf0);
const H265_DELIMITER = Uint8Array.of(0, 0, 0, 1, 0x46, 0x01, 0x50);

/** H.264 and H.265 annex B: a start code before each NAL unit, parameter sets before each key frame. */
class AnnexB implements ElementaryStream {
  readonly #delimiter: Uint8Array;
  /** Delimiter and parameter sets. */
  readonly #keyPrefix: Uint8Array;

  constructor(delimiter: Uint8Array, sets: readonly Uint8Array[]) {
    this.#delimiter = delimiter;
    this.#keyPrefix = Uint8Array.from([...delimiter, ...sets.flatMap((set) => [...START_CODE, ...set])]);
  }

  prefixBytesOf(sample: Sample): number {
    return (sample.key ? this.#keyPrefix : this.#delimiter).length;
  }

  put(sample: Sample, out: PacketWriter): void {
    const prefix = sample.key ? this.#keyPrefix : this.#delimiter;
    out.put(prefix, 0, prefix.length);
    const { data } = sample;
    const last = data.length - NAL_LENGTH_BYTES;
    let at = 0;
    while (at <= last) {
      const start = at + NAL_LENGTH_BYTES;
      // A wrong length extends to the end: the size is already written.
      const end = Math.min(data.length, start + readNalLength(data, at));
      out.put(START_CODE, 0, NAL_LENGTH_BYTES);
      out.put(data, start, end);
      at = end;
    }
    out.put(data, at, data.length);
  }
}

/** MPEG-4 part 2: the configuration precedes each key frame, unless the camera has added it. */
class WithConfig implements ElementaryStream {
  readonly #config: Uint8Array;

  constructor(config: Uint8Array) {
    this.#config = config;
  }

  prefixBytesOf(sample: Sample): number {
    return sample.key && !beginsWithConfig(sample.data) ? this.#config.length : 0;
  }

  put(sample: Sample, out: PacketWriter): void {
    out.put(this.#config, 0, this.prefixBytesOf(sample));
    out.put(sample.data, 0, sample.data.length);
  }
}

/** A start code of a visual object sequence, or of a video object (layer): ISO/IEC 14496-2 table 6-3. */
function beginsWithConfig(data: Uint8Array): boolean {
  const code = data[3] ?? 0xff;
  return data[0] === 0 && data[1] === 0 && data[2] === 1 && (code === 0xb0 || code <= 0x2f);
}

const ADTS_BYTES = 7;
/** aac_frame_length has 13 bits. */
export const MAX_ADTS_BYTES = 0x1fff - ADTS_BYTES;

/** ISO/IEC 14496-3 §1.A.2.2: sync word, MPEG-4, no CRC; then the fields, the frame length, buffer fullness "variable rate", one frame. */
class Adts implements ElementaryStream {
  readonly #header = Uint8Array.of(0xff, 0xf1, 0, 0, 0, 0x1f, 0xfc);
  readonly #fields: number;

  constructor(track: AacTrack) {
    this.#fields = adtsFields(track) ?? 0;
  }

  prefixBytesOf(): number {
    return ADTS_BYTES;
  }

  put({ data }: Sample, out: PacketWriter): void {
    const header = this.#header;
    const frameBytes = ADTS_BYTES + data.length;
    header[2] = this.#fields >> 8;
    header[3] = (this.#fields & 0xff) | (frameBytes >> 11);
    header[4] = frameBytes >> 3;
    header[5] = ((frameBytes & 7) << 5) | 0x1f;
    out.put(header, 0, ADTS_BYTES);
    out.put(data, 0, data.length);
  }
}

/** Bits of opus_control_header: prefix 0x3FF, no trimming, no extension, reserved. */
const OPUS_PREFIX = Uint8Array.of(0x7f, 0xe0);
const FULL = Uint8Array.of(0xff);

/** opus_control_header: prefix, then the unit's size as a sum of bytes, the last one below 255. */
class OpusUnits implements ElementaryStream {
  readonly #rest = new Uint8Array(1);

  prefixBytesOf({ data }: Sample): number {
    return OPUS_PREFIX.length + Math.floor(data.length / 255) + 1;
  }

  put({ data }: Sample, out: PacketWriter): void {
    out.put(OPUS_PREFIX, 0, OPUS_PREFIX.length);
    let size = data.length;
    while (size >= 255) {
      out.put(FULL, 0, 1);
      size -= 255;
    }
    this.#rest[0] = size;
    out.put(this.#rest, 0, 1);
    out.put(data, 0, data.length);
  }
}

/** AU_cell_data_length has 16 bits; the length of the PES packet counts headers, too. */
export const MAX_KLV_BYTES = 65_000;

/** ISO/IEC 13818-1 §2.12.4: service 0, sequence number, a whole unit that is a random access point, length. */
class MetadataCells implements ElementaryStream {
  readonly #header = Uint8Array.of(0, 0, 0xdf, 0, 0);

  prefixBytesOf(): number {
    return this.#header.length;
  }

  put({ data }: Sample, out: PacketWriter): void {
    const header = this.#header;
    header[3] = data.length >> 8;
    header[4] = data.length;
    out.put(header, 0, header.length);
    out.put(data, 0, data.length);
    header[1] = (header[1] as number) + 1;
  }
}

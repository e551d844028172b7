import { PerchError } from '../../../base/errors.ts';
import { parseAacConfig } from '../../aac/params.ts';
import { CHANNELS, SAMPLE_RATES_HZ } from '../../ac3/params.ts';
import { av1Track } from '../../av1/params.ts';
import { parseStreamInfo, STREAM_INFO_BYTES } from '../../flac/params.ts';
import { h264Track } from '../../h264/params.ts';
import { h265Track } from '../../h265/params.ts';
import { isOpusLayout } from '../../opus/params.ts';
import type { AudioTrack, OpusLayout, Track, VideoTrack } from '../../sample/track.ts';
import { fourcc } from '../box/boxes.ts';
import { bodyOfFirst, viewOf } from '../box/walk.ts';
import type { Mp4Track } from './read-track.ts';

/** Up to the boxes of the codec: ISO/IEC 14496-12 §12.1.3 and §12.2.3, box header included. */
const VISUAL_ENTRY_BYTES = 86;
const AUDIO_ENTRY_BYTES = 36;
const VIDEO_CLOCK_HZ = 90_000;
const NAL_LENGTH_BYTES = 4;
const MAX_SETS = 64;
/** Version and flags, the header of a metadata block, STREAMINFO. */
const FLAC_BODY_BYTES = 4 + 4 + STREAM_INFO_BYTES;
const AAC_OBJECT_TYPE = 0x40;

/**
 * The track that a sample entry describes, or undefined if its codec is not supported.
 * @throws PerchError if the entry is damaged
 */
export function trackOfEntry(track: Mp4Track): Track | undefined {
  switch (track.codec) {
    case 'avc1':
    case 'avc3':
      return avcTrack(configOf(track, 'avcC', 7));
    case 'hvc1':
    case 'hev1':
      return hevcTrack(configOf(track, 'hvcC', 23));
    case 'av01':
      return av1Track(configOf(track, 'av1C', 5).slice(4));
    case 'vp09':
      return vp9Track(track, configOf(track, 'vpcC', 7));
    case 'mp4a':
      return aacTrack(configOf(track, 'esds', 4), track);
    case 'Opus':
      return opusTrack(configOf(track, 'dOps', 11));
    case 'fLaC':
      return flacTrack(configOf(track, 'dfLa', FLAC_BODY_BYTES));
    case 'ac-3':
      return ac3Track(configOf(track, 'dac3', 3));
    case 'ec-3':
      return eac3Track(configOf(track, 'dec3', 5));
    default:
      return undefined;
  }
}

/** The configuration record of H.264 and H.265, or undefined for another codec. @throws PerchError if the entry is damaged */
export function recordOfEntry(track: Mp4Track): { codec: 'h264' | 'h265'; record: Uint8Array } | undefined {
  switch (track.codec) {
    case 'avc1':
    case 'avc3':
      return { codec: 'h264', record: configOf(track, 'avcC', 7) };
    case 'hvc1':
    case 'hev1':
      return { codec: 'h265', record: configOf(track, 'hvcC', 23) };
    default:
      return undefined;
  }
}

function configOf({ kind, sampleEntry, codec, id }: Mp4Track, name: string, bodyBytes: number): Uint8Array {
  const boxes = sampleEntry.subarray(kind === 'video' ? VISUAL_ENTRY_BYTES : AUDIO_ENTRY_BYTES);
  const body = bodyOfFirst(boxes, fourcc(name), bodyBytes);
  if (!body) {
    throw new PerchError('badInput', `MP4 track ${id} with '${codec}' has no '${name}'`);
  }
  return body;
}

/** Reads lists of byte strings after their lengths of 16 bits. */
class Lists {
  at: number;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  byte(): number {
    const value = this.#bytes[this.at];
    if (value === undefined) {
      throw new PerchError('badInput', 'MP4 parameter sets are cut');
    }
    this.at += 1;
    return value;
  }

  word(): number {
    return this.byte() * 256 + this.byte();
  }

  /** Copies. */
  strings(count: number): Uint8Array[] {
    if (count > MAX_SETS) {
      throw new PerchError('badInput', `MP4 with ${count} parameter sets, at most ${MAX_SETS}`);
    }
    return Array.from({ length: count }, () => {
      const length = this.word();
      const end = this.at + length;
      if (end > this.#bytes.length) {
        throw new PerchError('badInput', 'MP4 parameter sets are cut');
      }
      this.at = end;
      return this.#bytes.slice(end - length, end);
    });
  }
}

function checkNalLength(lengthByte: number): void {
  const bytes = (lengthByte & 3) + 1;
  if (bytes !== NAL_LENGTH_BYTES) {
    throw new PerchError('unsupported', `MP4 with NAL lengths of ${bytes} bytes, supported are ${NAL_LENGTH_BYTES}`);
  }
}

/** ISO/IEC 14496-15 §5.3.3.1. Without parameter sets (`avc3` may have none) they come with the samples. */
function avcTrack(avcC: Uint8Array): VideoTrack | undefined {
  checkNalLength(avcC[4] as number);
  const lists = new Lists(avcC, 5);
  const [sps] = lists.strings(lists.byte() & 0x1f);
  const pps = lists.strings(lists.byte());
  return sps && pps.length > 0 ? h264Track(sps, pps) : undefined;
}

/** ISO/IEC 14496-15 §8.3.3.1. */
function hevcTrack(hvcC: Uint8Array): VideoTrack | undefined {
  checkNalLength(hvcC[21] as number);
  const lists = new Lists(hvcC, 22);
  const sets = new Map<number, Uint8Array[]>();
  for (let arrays = lists.byte(); arrays > 0; arrays -= 1) {
    const type = lists.byte() & 0x3f;
    sets.set(type, [...(sets.get(type) ?? []), ...lists.strings(lists.word())]);
  }
  const [[vps], [sps], pps] = [sets.get(32) ?? [], sets.get(33) ?? [], sets.get(34) ?? []];
  return vps && sps && pps.length > 0 ? h265Track(vps, sps, pps) : undefined;
}

/** "VP Codec ISO Media File Format Binding" §2.2. */
function vp9Track({ width, height }: Mp4Track, vpcC: Uint8Array): VideoTrack {
  const [profile, packed] = [vpcC[4] as number, vpcC[6] as number];
  const depth = packed >> 4;
  return {
    kind: 'video',
    codec: 'vp9',
    clockRate: VIDEO_CLOCK_HZ,
    width,
    height,
    fps: undefined,
    profile,
    bitDepth: depth === 12 ? 12 : depth === 10 ? 10 : 8,
    chromaSubsampling: (packed >> 1) & 7,
    isFullRange: (packed & 1) === 1,
  };
}

/** ISO/IEC 14496-1 §7.2.6: descriptors with a tag and a length of 7 bits a byte. */
function aacTrack(esds: Uint8Array, { channels }: Mp4Track): AudioTrack | undefined {
  let at = 4;
  const next = (tag: number): number => {
    const found = esds[at];
    at += 1;
    let length = 0;
    for (let i = 0; i < 4; i += 1) {
      const byte = esds[at] ?? 0;
      at += 1;
      length = length * 128 + (byte & 0x7f);
      if (byte < 0x80) {
        break;
      }
    }
    if (found !== tag || at + length > esds.length) {
      throw new PerchError('badInput', `MP4 'esds' without descriptor ${tag}`);
    }
    return length;
  };
  next(3);
  const flags = esds[at + 2] ?? 0;
  at += 3 + (flags & 0x80 ? 2 : 0) + (flags & 0x40 ? 1 + (esds[at + 3] ?? 0) : 0) + (flags & 0x20 ? 2 : 0);
  next(4);
  if (esds[at] !== AAC_OBJECT_TYPE) {
    return undefined;
  }
  at += 13;
  const length = next(5);
  return aacOf(esds.slice(at, at + length), channels);
}

function aacOf(config: Uint8Array, entryChannels: number): AudioTrack {
  const { rateHz, channels, frameSamples } = parseAacConfig(config);
  return {
    kind: 'audio',
    codec: 'aac',
    clockRate: rateHz,
    channels: channels || entryChannels,
    config,
    frameSamples,
  };
}

/** "Encapsulation of Opus in ISO Base Media File Format" §4.3.2. */
function opusTrack(dOps: Uint8Array): AudioTrack {
  const channels = dOps[1] as number;
  const family = dOps[10] as number;
  const track = { kind: 'audio', codec: 'opus', clockRate: 48_000, channels } as const;
  if (family === 0 && (channels === 1 || channels === 2)) {
    return track;
  }
  const layout: OpusLayout = {
    streams: dOps[11] as number,
    coupledStreams: dOps[12] as number,
    mapping: [...dOps.subarray(13, 13 + channels)],
  };
  if (family === 0 || !isOpusLayout(channels, layout)) {
    throw new PerchError('badInput', `MP4 'dOps' of ${channels} channels and mapping family ${family} is invalid`);
  }
  return { ...track, layout };
}

/** "Encapsulation of FLAC in ISO Base Media File Format" §3.3.2: the first block is STREAMINFO. */
function flacTrack(dfLa: Uint8Array): AudioTrack | undefined {
  try {
    return parseStreamInfo(dfLa.subarray(FLAC_BODY_BYTES - STREAM_INFO_BYTES, FLAC_BODY_BYTES));
  } catch (error) {
    if (error instanceof PerchError && error.code === 'unsupported') {
      return undefined;
    }
    throw error;
  }
}

/** ETSI TS 102 366 annex F.4. */
function ac3Track(dac3: Uint8Array): AudioTrack | undefined {
  const bits = viewOf(dac3).getUint16(0) * 256 + (dac3[2] as number);
  const clockRate = SAMPLE_RATES_HZ[bits >> 22];
  const channels = (CHANNELS[(bits >> 11) & 7] as number) + ((bits >> 10) & 1);
  return clockRate === undefined
    ? undefined
    : { kind: 'audio', codec: 'ac3', clockRate, channels, config: dac3.slice(0, 3) };
}

/** ETSI TS 102 366 annex F.6: data_rate 13, num_ind_sub 3, then for the first substream fscod 2, bsid 5, reserved 1, asvc 1, bsmod 3, acmod 3, lfeon 1. */
function eac3Track(dec3: Uint8Array): AudioTrack | undefined {
  const bits = viewOf(dec3).getUint16(2);
  const clockRate = SAMPLE_RATES_HZ[bits >> 14];
  const channels = (CHANNELS[(bits >> 1) & 7] as number) + (bits & 1);
  return clockRate === undefined
    ? undefined
    : { kind: 'audio', codec: 'eac3', clockRate, channels, config: dec3.slice() };
}

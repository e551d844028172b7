import { PerchError } from '../../base/errors.ts';
import { BitReader } from '../payload/bit-reader.ts';
import { findStartCode } from '../payload/nal.ts';
import type { Mpeg4VideoTrack } from '../sample/track.ts';

/** Start codes of ISO/IEC 14496-2 table 6-3: 00 00 01 and one of these. */
export const START = {
  /** video_object_layer, 0x20 to 0x2f. */
  layer: 0x20,
  lastLayer: 0x2f,
  sequence: 0xb0,
  /** group_of_vop. */
  group: 0xb3,
  vop: 0xb6,
} as const;

/** Part of the SDP and of each recording: about 50 bytes, plus the encoder's name as user data. */
export const MAX_CONFIG_BYTES = 4_096;
const EXTENDED_PAR = 15;
const RECTANGULAR = 0;
const TYPE_SIMPLE = 1;
/** vbv_parameters(): rates, buffer sizes and their marker bits. */
const VBV_BITS = 79;

/** The used fields of a video object layer, §6.2.3. */
export interface VideoObjectLayer {
  /** Ticks per second of VOP times. */
  readonly timeResolution: number;
  /** Bits of vop_time_increment. */
  readonly timeBits: number;
  /** Ticks between VOPs; 0: not fixed. */
  readonly fixedIncrement: number;
  /** B-VOPs are possible: neither the object type nor low_delay excludes them. */
  readonly mayReorder: boolean;
  readonly width: number;
  readonly height: number;
}

/** Finds and reads the layer in `config`. @throws PerchError */
export function parseVideoObjectLayer(config: Uint8Array): VideoObjectLayer {
  if (config.length > MAX_CONFIG_BYTES) {
    throw new PerchError(
      'badInput',
      `MPEG-4 video configuration of ${config.length} bytes, at most ${MAX_CONFIG_BYTES}`,
    );
  }
  for (let code = findStartCode(config, 0, config.length); code >= 0; ) {
    const type = config[code + 3] ?? 0;
    if (type >= START.layer && type <= START.lastLayer) {
      return readLayer(new BitReader(config, code + 4, config.length, false));
    }
    code = findStartCode(config, code + 3, config.length);
  }
  throw new PerchError('badInput', 'MPEG-4 video without a video object layer');
}

function readLayer(bits: BitReader): VideoObjectLayer {
  bits.skip(1); // random_accessible_vol
  const type = bits.bits(8);
  let version = 1;
  if (bits.flag()) {
    version = bits.bits(4);
    bits.skip(3); // video_object_layer_priority
  }
  if (bits.bits(4) === EXTENDED_PAR) {
    bits.skip(16);
  }
  const isLowDelay = readControl(bits);
  const shape = bits.bits(2);
  if (shape !== RECTANGULAR) {
    throw new PerchError(
      'unsupported',
      `MPEG-4 video object of shape ${shape} (version ${version}), expected a rectangle`,
    );
  }
  bits.skip(1); // marker
  const timeResolution = bits.bits(16);
  bits.skip(1);
  if (timeResolution === 0) {
    throw new PerchError('badInput', 'MPEG-4 video with a time resolution of 0');
  }
  // Enough for every number below the resolution, at least one.
  const timeBits = Math.max(1, 32 - Math.clz32(timeResolution - 1));
  const fixedIncrement = bits.flag() ? bits.bits(timeBits) : 0;
  bits.skip(1);
  const width = bits.bits(13);
  bits.skip(1);
  const height = bits.bits(13);
  if (width === 0 || height === 0) {
    throw new PerchError('badInput', `MPEG-4 video of ${width}x${height} pixels`);
  }
  return { timeResolution, timeBits, fixedIncrement, mayReorder: type !== TYPE_SIMPLE && !isLowDelay, width, height };
}

/** vol_control_parameters: low_delay excludes B-VOPs. */
function readControl(bits: BitReader): boolean {
  if (!bits.flag()) {
    return false;
  }
  bits.skip(2); // chroma_format
  const isLowDelay = bits.flag();
  if (bits.flag()) {
    bits.skip(VBV_BITS);
  }
  return isLowDelay;
}

/** @param config kept unchanged @throws PerchError */
export function mpeg4VideoTrack(config: Uint8Array): Mpeg4VideoTrack {
  const { width, height, timeResolution, fixedIncrement } = parseVideoObjectLayer(config);
  const fps = fixedIncrement > 0 ? timeResolution / fixedIncrement : undefined;
  return { kind: 'video', codec: 'mpeg4-video', clockRate: 90_000, width, height, fps, config };
}

/** profile_and_level_indication of the visual object sequence; 1 (Simple profile, level 1) if it is missing. */
export function profileLevelOf(config: Uint8Array): number {
  const code = findStartCode(config, 0, config.length);
  return code >= 0 && config[code + 3] === START.sequence ? (config[code + 4] ?? 1) : 1;
}

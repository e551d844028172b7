import { parseAv1Sequence } from '../../av1/params.ts';
import { mpegAudioObjectType } from '../../mpeg-audio/params.ts';
import type {
  AacTrack,
  Av1Track,
  H264Track,
  H265Track,
  MpegAudioTrack,
  Vp8Track,
  Vp9Track,
} from '../../sample/track.ts';
import { vp9Level } from '../../vp9/params.ts';
import { hevcFields } from './parameter-fields.ts';

/*
 * How playlists and `MediaSource.isTypeSupported` name codecs: RFC 6381 and the bindings of later codecs.
 */

const hex = (byte: number): string => byte.toString(16).toUpperCase().padStart(2, '0');

/** RFC 6381 §3.3: profile_idc, constraint flags and level_idc. */
export function avc1(track: H264Track): string {
  return `avc1.${[1, 2, 3].map((i) => hex(track.sps[i] ?? 0)).join('')}`;
}

const decimal = (value: number): string => String(value).padStart(2, '0');

/** "AV1 Codec ISO Media File Format Binding" §5: profile, level with tier, bit depth. */
export function av01(track: Av1Track): string {
  const { profile, levelIdx, tier, bitDepth } = parseAv1Sequence(track.sequenceHeader);
  return `av01.${profile}.${decimal(levelIdx)}${tier === 0 ? 'M' : 'H'}.${decimal(bitDepth)}`;
}

/** "VP Codec ISO Media File Format Binding": profile, ten times the level, bit depth. */
export const vp08 = ({ width, height, fps }: Vp8Track): string => `vp08.00.${decimal(vp9Level(width, height, fps))}.08`;

export function vp09({ profile, width, height, fps, bitDepth }: Vp9Track): string {
  return `vp09.${decimal(profile)}.${decimal(vp9Level(width, height, fps))}.${decimal(bitDepth)}`;
}

export const hvc1 = (track: H265Track): string => hevcCodecString(hevcFields(track.sps).profileTierLevel);

/**
 * ISO/IEC 14496-15 annex E.3.
 * @param ptl general_profile_space to general_level_idc: 12 bytes
 */
export function hevcCodecString(ptl: Uint8Array): string {
  const first = ptl[0] ?? 0;
  const space = ['', 'A', 'B', 'C'][first >> 6] ?? '';
  const profile = first & 0x1f;
  const tier = first & 0x20 ? 'H' : 'L';
  let compatibility = 0;
  for (let bit = 0; bit < 32; bit += 1) {
    const byte = ptl[1 + (bit >> 3)] ?? 0;
    compatibility += (byte >> (7 - (bit & 7))) & 1 ? 2 ** bit : 0;
  }
  const constraints = [...ptl.subarray(5, 11)];
  while (constraints.at(-1) === 0) {
    constraints.pop();
  }
  const level = `${tier}${ptl[11] ?? 0}`;
  const parts = [`${space}${profile}`, compatibility.toString(16).toUpperCase(), level];
  return ['hvc1', ...parts, ...constraints.map((byte) => byte.toString(16).toUpperCase())].join('.');
}

/** The audio object type has five bits, or 32 plus six more: ISO/IEC 14496-3 §1.6.2.1. */
export function mp4aOfAac({ config: [first = 0, second = 0] }: AacTrack): string {
  const type = first >> 3;
  return `mp4a.40.${type === 31 ? 32 + (((first & 7) << 3) | (second >> 5)) : type}`;
}

export const mp4aOfMpegAudio = (track: MpegAudioTrack): string => `mp4a.${hex(mpegAudioObjectType(track))}`;

import { av1Track } from '../../../agent/media/av1/params.ts';
import { mpegVideoTrack } from '../../../agent/media/mpeg-video/params.ts';
import { mpeg4VideoTrack } from '../../../agent/media/mpeg4-video/params.ts';
import type {
  Av1Track,
  H265Track,
  MjpegTrack,
  Mpeg4VideoTrack,
  MpegVideoTrack,
  Vp8Track,
  Vp9Track,
} from '../../../agent/media/sample/track.ts';
import { hex } from './units.ts';

/** Sequence header of libaom for 320x240 with 8 bits 4:2:0: Main profile, level 2.0, two operating parameters left out. */
export const AV1_SEQUENCE = hex('0a0b 000000043cffbcdaf90040');
/** VOS (Simple profile, level 1), VO and VOL of ffmpeg's encoder for 320x240 at 25 frames/s. */
export const MPEG4_CONFIG = hex('000001b001 000001b58913 00000100 00000120 00c48d8800cd0a041e1443');
/** MPEG-2 for 320x240 at 25 frames/s, Main profile: sequence header and extension. */
export const MPEG2_CONFIG = hex('000001b3 1400f013 ffffe018 000001b5 148200010000');

export const av1: Av1Track = av1Track(AV1_SEQUENCE);
export const h265: H265Track = {
  kind: 'video',
  codec: 'h265',
  clockRate: 90_000,
  width: 1280,
  height: 720,
  fps: 25,
  vps: hex('40 01 0c 01 ff ff'),
  sps: hex('42 01 01 01 60 00 00 03 00 90 00 00 03 00 00 03 00 5d a0 02 80 80 2d 16 59 59 a4 93 2b c0 40'),
  pps: [hex('44 01 c1 72')],
};
export const vp8: Vp8Track = {
  kind: 'video',
  codec: 'vp8',
  clockRate: 90_000,
  width: 320,
  height: 240,
  fps: undefined,
};
export const vp9: Vp9Track = {
  ...vp8,
  codec: 'vp9',
  profile: 0,
  bitDepth: 8,
  chromaSubsampling: 1,
  isFullRange: false,
};
export const mjpeg: MjpegTrack = { ...vp8, codec: 'mjpeg' };
export const mpeg4Video: Mpeg4VideoTrack = mpeg4VideoTrack(MPEG4_CONFIG);
export const mpeg2Video: MpegVideoTrack = mpegVideoTrack(MPEG2_CONFIG);

import type {
  Ac3Track,
  Eac3Track,
  G722Track,
  KlvTrack,
  LpcmTrack,
  MpegAudioTrack,
  MpegTsTrack,
} from '../../../agent/media/sample/track.ts';

/** Tracks of cameras and encoders other than AAC, Opus and G.711. */
export const g722: G722Track = { kind: 'audio', codec: 'g722', clockRate: 8_000, channels: 1 };
export const lpcm: LpcmTrack = { kind: 'audio', codec: 'lpcm', clockRate: 48_000, bitDepth: 16, channels: 2 };
export const mp3: MpegAudioTrack = {
  kind: 'audio',
  codec: 'mpeg-audio',
  clockRate: 90_000,
  version: 1,
  layer: 3,
  sampleRate: 44_100,
  channels: 2,
};
/** 192 kbit/s stereo at 48 kHz. */
export const ac3: Ac3Track = {
  kind: 'audio',
  codec: 'ac3',
  clockRate: 48_000,
  channels: 2,
  config: Uint8Array.of(0x10, 0x11, 0x40),
};
/** 448 kbit/s 5.1 at 48 kHz. */
export const eac3: Eac3Track = {
  kind: 'audio',
  codec: 'eac3',
  clockRate: 48_000,
  channels: 6,
  config: Uint8Array.of(0x0e, 0x00, 0x20, 0x0f, 0x00),
};
export const mpegTs: MpegTsTrack = { kind: 'multiplex', codec: 'mpeg-ts', clockRate: 90_000 };
export const klv: KlvTrack = { kind: 'data', codec: 'klv', clockRate: 90_000 };

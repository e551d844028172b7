/** Message types of RTMP, and tag types of FLV: Adobe's FLV specification §E.4.1. */
export const TAG = { audio: 8, video: 9, script: 18 } as const;

/** Frame types of a video tag, §E.4.3.1. */
export const FRAME = { key: 1, inter: 2, command: 5 } as const;

/** Packet types of AVC and AAC tags, and of Enhanced RTMP's tags ("Enhanced RTMP" v2, ExVideoTagHeader, ExAudioTagHeader). */
export const PACKET = {
  sequenceStart: 0,
  codedFrames: 1,
  sequenceEnd: 2,
  /** Video only: coded frames without composition time. */
  codedFramesX: 3,
  /** Video only. */
  metadata: 4,
} as const;
export const EX_VIDEO = 0x80;
export const VIDEO_MULTITRACK = 6;
export const AUDIO_MULTITRACK = 5;
export const MOD_EX = 7;
/** AvMultitrackType. */
export const MULTITRACK = { one: 0, many: 1, manyCodecs: 2 } as const;
/** SoundFormat, in the four high bits, of an audio tag of Enhanced RTMP. */
export const EX_AUDIO = 9;

/** Codecs of tags without a fourCC, by the four bits of the codec. */
export const VIDEO_CODECS: Readonly<Record<number, string>> = { 7: 'avc1', 12: 'hvc1' };
export const AUDIO_CODECS: Readonly<Record<number, string>> = {
  2: '.mp3',
  7: 'alaw',
  8: 'ulaw',
  10: 'mp4a',
  14: '.mp3',
};

/** Names of codecs that are not supported, for messages. */
const OTHER_VIDEO: Readonly<Record<number, string>> = {
  2: 'Sorenson H.263',
  3: 'Screen video',
  4: 'VP6',
  5: 'VP6 with alpha',
};
const OTHER_AUDIO: Readonly<Record<number, string>> = {
  0: 'LPCM',
  1: 'ADPCM',
  3: 'LPCM',
  4: 'Nellymoser',
  5: 'Nellymoser',
  6: 'Nellymoser',
  11: 'Speex',
};

export const otherVideo = (codec: number): string => OTHER_VIDEO[codec] ?? `video codec ${codec}`;
export const otherAudio = (codec: number): string => OTHER_AUDIO[codec] ?? `audio codec ${codec}`;

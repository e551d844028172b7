/** Names of video codecs for people. */
export type Codec = 'H.264' | 'H.265' | 'AV1' | 'VP8' | 'VP9' | 'M-JPEG' | 'MPEG-4';

/** By API labels and prefixes of RFC 6381 strings. */
const NAMES: readonly (readonly [RegExp, Codec])[] = [
  [/\bH\.?265\b|\bHEVC\b|\bh(?:vc|ev)1\b/i, 'H.265'],
  [/\bH\.?264\b|\bavc[13]\b/i, 'H.264'],
  [/\bAV1\b|\bav01\b/i, 'AV1'],
  [/\bVP8\b|\bvp08\b/i, 'VP8'],
  [/\bVP9\b|\bvp09\b/i, 'VP9'],
  [/\bM-?JPEG\b/i, 'M-JPEG'],
  [/\bMPEG-4 Video\b/i, 'MPEG-4'],
];

/** The first video codec named in a message. */
export const codecIn = (text: string): Codec | undefined => NAMES.find(([name]) => name.test(text))?.[1];

/** A codec string per decoder, and the prefix of its kind. */
const PROBES: readonly (readonly [probe: string, start: string])[] = [
  ['avc1.640028', 'avc1'],
  ['hvc1.1.6.L123.B0', 'hvc1.1'],
  ['hvc1.2.4.L153.B0', 'hvc1.2'],
  ['av01.0.08M.08', 'av01'],
  ['vp09.00.41.08', 'vp09'],
  ['mp4a.40.2', 'mp4a.40'],
  ['mp4a.6B', 'mp4a.6B'],
  ['opus', 'opus'],
  ['flac', 'fLaC'],
  ['ac-3', 'ac-3'],
  ['ec-3', 'ec-3'],
];
const SOUNDS = new Set(['mp4a.40', 'mp4a.6B', 'opus', 'fLaC', 'ac-3', 'ec-3']);

/** Codecs that Media Source plays in MP4, for the box's `codecs=`. */
export const playableCodecs = (isTypeSupported: (type: string) => boolean, wantsSound: boolean): string[] =>
  PROBES.filter(
    ([probe, start]) => (wantsSound || !SOUNDS.has(start)) && isTypeSupported(`video/mp4; codecs="${probe}"`),
  ).map(([, start]) => start);

/** iPhones have only `ManagedMediaSource`. */
export function mediaSourceClass(): typeof MediaSource | undefined {
  const { MediaSource: Plain, ManagedMediaSource: Managed } = globalThis as {
    MediaSource?: typeof MediaSource;
    ManagedMediaSource?: typeof MediaSource;
  };
  return Managed ?? Plain;
}

/** Undefined without Media Source. */
export function playsOpus(): boolean | undefined {
  return mediaSourceClass()?.isTypeSupported('audio/mp4; codecs="opus"');
}

/** Codecs of the native HLS player. */
export const NATIVE_HLS = 'application/vnd.apple.mpegurl';

/** Whether any technology works in this browser. */
export const canPlayLive = (): boolean =>
  typeof RTCPeerConnection !== 'undefined' ||
  mediaSourceClass() !== undefined ||
  document.createElement('video').canPlayType(NATIVE_HLS) !== '';

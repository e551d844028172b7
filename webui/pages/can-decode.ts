/** In MP4: what says yes or no for any profile. */
const CODEC_STRINGS = new Map([
  ['H.265', 'hvc1.1.6.L120.B0'],
  ['AV1', 'av01.0.04M.08'],
  ['VP8', 'vp08.00.10.08'],
  ['VP9', 'vp09.00.10.08'],
  ['M-JPEG', 'mp4v.6C'],
  ['MPEG-4', 'mp4v.20.9'],
]);

/** Whether the browser would play it if it were there. */
export function canDecode(codec: string): boolean {
  const codecs = CODEC_STRINGS.get(codec);
  return codecs === undefined || document.createElement('video').canPlayType(`video/mp4; codecs="${codecs}"`) !== '';
}

import { mediaSourceClass } from './codecs.ts';

/** What iPhones play by themselves. */
export const NATIVE_HLS = 'application/vnd.apple.mpegurl';

/** Whether this browser can play live pictures by any of the ways that there are. */
export const hasAnyWay = (): boolean =>
  typeof RTCPeerConnection !== 'undefined' ||
  mediaSourceClass() !== undefined ||
  document.createElement('video').canPlayType(NATIVE_HLS) !== '';

import type { PeerKind, Reader } from '../../../agent/stream/stream.ts';

export interface IdleReader extends Reader {
  /** Number of calls of `onEnd`. */
  ends: number;
  onSample: () => void;
}

export const RTSP_SESSION: PeerKind = { apiType: 'rtspSession', protocol: 'rtsp' };
export const WEBRTC_SESSION: PeerKind = { apiType: 'webRTCSession', protocol: 'webrtc' };
export const HLS_SESSION: PeerKind = { apiType: 'hlsSession', protocol: 'hls' };

/** A reader that ignores its samples. @param kind undefined: the API does not list it @param isAudience as in `Reader` */
export function readerOf(kind: PeerKind | undefined, isAudience?: boolean): IdleReader {
  const reader: IdleReader = {
    ...(kind === undefined ? {} : { kind }),
    id: crypto.randomUUID(),
    ...(isAudience === undefined ? {} : { isAudience }),
    ends: 0,
    onSample: () => {},
    onTrack: () => {},
    onEnd: () => {
      reader.ends += 1;
    },
  };
  return reader;
}

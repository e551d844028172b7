import { packetizeAac } from './aac/packetize.ts';
import { packetizeAc3 } from './ac3/packetize.ts';
import { packetizeAv1 } from './av1/packetize.ts';
import { packetizeH264, packetizeH264Parameters } from './h264/packetize.ts';
import { packetizeH265, packetizeH265Parameters } from './h265/packetize.ts';
import { packetizeMjpeg } from './mjpeg/packetize.ts';
import { packetizeMpegAudio } from './mpeg-audio/packetize.ts';
import { packetizeMpeg4Video } from './mpeg4-video/packetize.ts';
import { packetizeMpegTs } from './mpegts/packetize.ts';
import { packetizeOpus } from './opus/packetize.ts';
import { packetizeInstants } from './payload/instants.ts';
import type { Packetize, PayloadSink } from './payload/packetizer.ts';
import type { Track } from './sample/track.ts';
import { packetizeVp8 } from './vp8/packetize.ts';
import { packetizeVp9 } from './vp9/packetize.ts';

const PACKETIZERS: Partial<Record<Track['codec'], Packetize>> = {
  h264: packetizeH264,
  h265: packetizeH265,
  av1: packetizeAv1,
  vp8: packetizeVp8,
  vp9: packetizeVp9,
  mjpeg: packetizeMjpeg,
  'mpeg4-video': packetizeMpeg4Video,
  aac: packetizeAac,
  opus: packetizeOpus,
  g711: packetizeInstants,
  g722: packetizeInstants,
  lpcm: packetizeInstants,
  'mpeg-audio': packetizeMpegAudio,
  ac3: packetizeAc3,
  'mpeg-ts': packetizeMpegTs,
};

/** What cuts a track's samples into RTP payloads; undefined: the codec has no RTP format (FLAC). */
export function packetizerOf(track: Track): Packetize | undefined {
  return PACKETIZERS[track.codec];
}

/** What stands in band before each key frame, so that nobody depends on what the SDP once said; nothing for most codecs. */
export function packetizeParameters(track: Track, maxPayloadBytes: number, sink: PayloadSink): void {
  if (track.codec === 'h264') {
    packetizeH264Parameters(track, maxPayloadBytes, sink);
  } else if (track.codec === 'h265') {
    packetizeH265Parameters(track, maxPayloadBytes, sink);
  }
}

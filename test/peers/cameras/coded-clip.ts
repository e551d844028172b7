import { readFileSync } from 'node:fs';
import { codecOf, createDepacketizer } from '../../../agent/media/codecs.ts';
import type { VideoTrack } from '../../../agent/media/sample/track.ts';
import { parseSdp } from '../../../agent/media/sdp/parse.ts';
import { writeSdp } from '../../../agent/media/sdp/write.ts';
import { Collector, payloadsOf, rtpFormat, type Unit } from '../../support/media/units.ts';
import { clip } from './camera.ts';

export type ClipCodec = 'av1' | 'vp8' | 'vp9' | 'mjpeg' | 'mpeg4-video' | 'mpeg-video';

export const CLIP_FPS = 25;
const TICKS = 90_000 / CLIP_FPS;

/** ffmpeg's options for each, and its name in SDP. */
const CODERS: Record<ClipCodec, { file: string; args: string[]; encoding: string }> = {
  av1: {
    file: 'av1.ivf',
    args: ['libaom-av1', '-cpu-used', '8', '-usage', 'realtime', '-b:v', '600k'],
    encoding: 'AV1',
  },
  vp8: {
    file: 'vp8.ivf',
    args: ['libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-b:v', '600k'],
    encoding: 'VP8',
  },
  vp9: { file: 'vp9.ivf', args: ['libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8'], encoding: 'VP9' },
  mjpeg: { file: 'jpeg.mjpeg', args: ['mjpeg', '-huffman', 'default', '-q:v', '5'], encoding: 'JPEG' },
  'mpeg4-video': { file: 'mpeg4.m4v', args: ['mpeg4', '-b:v', '600k', '-f', 'm4v'], encoding: 'MP4V-ES' },
  'mpeg-video': { file: 'mpeg2.m2v', args: ['mpeg2video', '-b:v', '600k', '-f', 'mpeg2video'], encoding: 'MPV' },
};

export interface CodedClip {
  readonly track: VideoTrack;
  /** 25 a second, from 0 on. */
  readonly units: readonly Unit[];
  /** ffmpeg's output. */
  readonly file: string;
}

/** Pictures of a real encoder, 320x240, after our packetizer and depacketizer, as if received over RTSP. */
export async function codedClip(codec: ClipCodec, seconds: number, gopSeconds = 1): Promise<CodedClip> {
  const { file, args, encoding } = CODERS[codec];
  const input = ['-f', 'lavfi', '-i', `testsrc2=s=320x240:r=${CLIP_FPS}`, '-t', String(seconds)];
  const pixels = codec === 'mjpeg' ? 'yuvj420p' : 'yuv420p';
  const coding = ['-pix_fmt', pixels, '-g', String(gopSeconds * CLIP_FPS), '-threads', '1', '-c:v', ...args];
  const made = await clip(`coded-${seconds}-${gopSeconds}-${file}`, [...input, ...coding]);
  const bytes = new Uint8Array(readFileSync(made));
  return { file: made, ...overRtp(codec, encoding, framesOf(codec, bytes)) };
}

function framesOf(codec: ClipCodec, bytes: Uint8Array): Uint8Array[] {
  switch (codec) {
    case 'mjpeg':
      return images(bytes);
    case 'mpeg4-video':
      return pictures(bytes, 0xb6, () => false);
    case 'mpeg-video':
      // Slices, user data, extensions and the end of the sequence.
      return pictures(bytes, 0x00, (type) => type <= 0xb2 || type === 0xb5 || type === 0xb7);
    default:
      return ivfFrames(bytes);
  }
}

function overRtp(codec: ClipCodec, encoding: string, frames: readonly Uint8Array[]): Omit<CodedClip, 'file'> {
  const seen = new Collector();
  const depacketizer = createDepacketizer(rtpFormat(encoding, 90_000, 1, {}), seen);
  const packetize = codecOf({ codec }).packetize;
  if (!depacketizer || !packetize) {
    throw new Error(`${codec} has no RTP format`);
  }
  for (const [i, frame] of frames.entries()) {
    for (const { bytes, marker } of payloadsOf((sink) => packetize(frame, 1188, true, sink))) {
      depacketizer.push(bytes, 0, bytes.length, i * TICKS, marker, false);
    }
  }
  const [track] = seen.tracks;
  if (track?.kind !== 'video' || seen.damage.length > 0) {
    throw new Error(`${codec} came out damaged: ${seen.damage.join(', ') || 'no track'}`);
  }
  // The description repeats a reader's findings.
  const format = parseSdp(writeSdp([track], { name: codec, host: '::1', sessionId: 1 })).medias[0]?.formats[0];
  if (format?.encoding !== encoding) {
    throw new Error(`${codec} is described as ${format?.encoding}`);
  }
  return { track, units: seen.units };
}

/** IVF: a header of 32 bytes, then for each frame its size (32 bits, little-endian) and time (64 bits). */
function ivfFrames(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frames: Uint8Array[] = [];
  for (let at = 32; at + 12 <= bytes.length; ) {
    const end = at + 12 + view.getUint32(at, true);
    frames.push(bytes.subarray(at + 12, end));
    at = end;
  }
  return frames;
}

/** JPEG images in sequence: inside an image no SOI follows an EOI. */
function images(bytes: Uint8Array): Uint8Array[] {
  const text = Buffer.from(bytes);
  const border = Buffer.from('ffd9ffd8', 'hex');
  const frames: Uint8Array[] = [];
  let start = 0;
  for (let at = text.indexOf(border); at >= 0; at = text.indexOf(border, start)) {
    frames.push(bytes.subarray(start, at + 2));
    start = at + 2;
  }
  return [...frames, bytes.subarray(start)];
}

/** An elementary stream, split after each picture. @param picture its start code @param isOfPicture of the start codes after it */
function pictures(bytes: Uint8Array, picture: number, isOfPicture: (type: number) => boolean): Uint8Array[] {
  const text = Buffer.from(bytes);
  const startCode = Buffer.from('000001', 'hex');
  const frames: Uint8Array[] = [];
  let start = 0;
  let hasPicture = false;
  for (let at = text.indexOf(startCode); at >= 0; at = text.indexOf(startCode, at + 3)) {
    const type = bytes[at + 3] as number;
    if (hasPicture && (type === picture || !isOfPicture(type))) {
      frames.push(bytes.subarray(start, at));
      start = at;
      hasPicture = false;
    }
    hasPicture ||= type === picture;
  }
  return [...frames, bytes.subarray(start)];
}

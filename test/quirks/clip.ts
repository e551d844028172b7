import { readFileSync } from 'node:fs';
import { packetizeH264 } from '../../agent/media/h264/packetize.ts';
import { packetizeH265 } from '../../agent/media/h265/packetize.ts';
import { findStartCode, trimZeros } from '../../agent/media/payload/nal.ts';
import type { Packetize } from '../../agent/media/payload/packetizer.ts';
import { clip } from '../peers/cameras/camera.ts';
import { runProcess } from '../peers/programs/process.ts';

export const FPS = 25;
export const FRAME_MS = 1000 / FPS;
export const FRAME_TICKS = 90_000 / FPS;

export type CodecName = 'h264' | 'h265';

/** NAL units and RTP payloads of one codec, written from the standards for the tests. */
export interface Codec {
  readonly encoding: string;
  readonly encoder: string;
  /** FFmpeg's names of its byte stream, and of the filter that begins each picture with a delimiter. */
  readonly format: string;
  readonly delimited: string;
  readonly packetize: Packetize;
  typeOf(nal: Uint8Array): number;
  readonly delimiter: number;
  /** Types of parameter sets. */
  readonly sets: readonly number[];
  isSlice(type: number): boolean;
  isIdr(type: number): boolean;
  /** Other pictures refer to the slice's picture. */
  isNeeded(nal: Uint8Array): boolean;
  /** RTP payload type of a fragment, and the offset of its header with start and end bit. */
  readonly fragment: number;
  readonly fragmentHeaderAt: number;
  /** The header of the NAL unit that begins with this fragment. */
  headerOf(payload: Uint8Array): Uint8Array;
  /** RTP payload of several NAL units. */
  readonly aggregateHeader: readonly number[];
  /** An SEI message that readers ignore. */
  readonly sei: Uint8Array;
  /** Format parameters in an SDP. */
  fmtp(sets: readonly Uint8Array[]): string;
}

const base64 = (nal: Uint8Array | undefined) => Buffer.from(nal ?? []).toString('base64');

export const CODECS: Readonly<Record<CodecName, Codec>> = {
  h264: {
    encoding: 'H264',
    encoder: 'libx264',
    format: 'h264',
    delimited: 'h264_metadata=aud=insert',
    packetize: packetizeH264,
    typeOf: (nal) => (nal[0] as number) & 0x1f,
    delimiter: 9,
    sets: [7, 8],
    isSlice: (type) => type >= 1 && type <= 5,
    isIdr: (type) => type === 5,
    isNeeded: (nal) => ((nal[0] as number) & 0x60) !== 0,
    fragment: 28,
    fragmentHeaderAt: 1,
    headerOf: ([indicator = 0, flags = 0]) => Uint8Array.of((indicator & 0xe0) | (flags & 0x1f)),
    aggregateHeader: [0x78],
    sei: Uint8Array.of(6, 5, 4, 0xaa, 0xbb, 0xcc, 0xdd, 0x80),
    fmtp: (sets) => `packetization-mode=1;sprop-parameter-sets=${sets.map(base64).join(',')}`,
  },
  h265: {
    encoding: 'H265',
    encoder: 'libx265',
    format: 'hevc',
    delimited: 'hevc_metadata=aud=insert',
    packetize: packetizeH265,
    typeOf: (nal) => ((nal[0] as number) >> 1) & 0x3f,
    delimiter: 35,
    sets: [32, 33, 34],
    isSlice: (type) => type <= 31,
    isIdr: (type) => type === 19 || type === 20,
    // Even types below 16: sub-layer non-reference pictures.
    isNeeded: (nal) => ((nal[0] as number) >> 1) % 2 === 1 || (nal[0] as number) >> 1 >= 16,
    fragment: 49,
    fragmentHeaderAt: 2,
    headerOf: ([first = 0, second = 0, flags = 0]) => Uint8Array.of((first & 0x81) | ((flags & 0x3f) << 1), second),
    aggregateHeader: [0x60, 1],
    sei: Uint8Array.of(0x4e, 1, 5, 4, 0xaa, 0xbb, 0xcc, 0xdd, 0x80),
    fmtp: ([vps, sps, pps]) => `sprop-vps=${base64(vps)};sprop-sps=${base64(sps)};sprop-pps=${base64(pps)}`,
  },
};

/** How a camera's encoder works. */
export type Coding = 'plain' | 'four slices' | 'B-frames' | 'intra refresh';

const CODINGS: Readonly<Record<CodecName, Readonly<Record<Coding, readonly string[]>>>> = {
  h264: {
    plain: ['-preset', 'ultrafast', '-bf', '0', '-x264-params', 'scenecut=0'],
    'four slices': ['-preset', 'ultrafast', '-bf', '0', '-x264-params', 'scenecut=0:slices=4'],
    'B-frames': ['-bf', '2', '-preset', 'veryfast', '-x264-params', 'scenecut=0:b-adapt=0:b-pyramid=none'],
    'intra refresh': ['-preset', 'ultrafast', '-bf', '0', '-x264-params', 'scenecut=0:intra-refresh=1'],
  },
  h265: {
    plain: ['-preset', 'ultrafast', '-x265-params', h265Params('bframes=0')],
    'four slices': ['-preset', 'ultrafast', '-x265-params', h265Params('bframes=0:slices=4:ctu=16')],
    'B-frames': ['-preset', 'ultrafast', '-x265-params', h265Params('bframes=2:b-adapt=0:b-pyramid=0')],
    'intra refresh': ['-preset', 'ultrafast', '-x265-params', h265Params('bframes=0:intra-refresh=1')],
  },
};

function h265Params(rest: string): string {
  return `log-level=error:pools=1:frame-threads=1:scenecut=0:open-gop=0:min-keyint=50:keyint=50:${rest}`;
}

export interface Picture {
  /** Its slices. */
  readonly nals: readonly Uint8Array[];
  /** Its position in display order. */
  readonly shown: number;
  readonly isKey: boolean;
  /** Others refer to it. */
  readonly isNeeded: boolean;
}

/** The output of a real encoder, in decoding order; a key picture every two seconds. */
export interface QuirkClip {
  readonly codec: Codec;
  readonly sets: readonly Uint8Array[];
  readonly pictures: readonly Picture[];
}

const made = new Map<string, Promise<QuirkClip>>();

export function quirkClip(name: CodecName, coding: Coding, seconds: number): Promise<QuirkClip> {
  const key = `${name}-${coding.replaceAll(' ', '-')}-${seconds}`;
  const known = made.get(key) ?? makeClip(key, name, coding, seconds);
  made.set(key, known);
  return known;
}

async function makeClip(key: string, name: CodecName, coding: Coding, seconds: number): Promise<QuirkClip> {
  const codec = CODECS[name];
  const input = ['-f', 'lavfi', '-i', `testsrc2=s=320x240:r=${FPS}`, '-t', String(seconds), '-pix_fmt', 'yuv420p'];
  const coded = ['-c:v', codec.encoder, '-g', '50', '-threads', '1', ...CODINGS[name][coding]];
  const stream = ['-bsf:v', codec.delimited, '-f', codec.format];
  const file = await clip(`quirk-${key}.${name}`, [...input, ...coded, ...stream]);
  return { codec, ...(await codedPictures(codec, file)) };
}

/** The content of a byte stream whose pictures begin with delimiters. */
export async function codedPictures(codec: Codec, file: string): Promise<Omit<QuirkClip, 'codec'>> {
  const { sets, pictures } = splitPictures(codec, new Uint8Array(readFileSync(file)));
  const places = await placesShown(file);
  const order = places.toSorted((a, b) => a - b);
  return {
    sets,
    pictures: pictures.map((nals, i) => {
      const [first] = nals as [Uint8Array];
      const isKey = codec.isIdr(codec.typeOf(first));
      return { nals, shown: places.indexOf(order[i] as number), isKey, isNeeded: codec.isNeeded(first) };
    }),
  };
}

/** The position of each picture in the file, in display order, as a decoder reports it. */
async function placesShown(file: string): Promise<number[]> {
  const shown = ['-show_entries', 'frame=pkt_pos', '-of', 'csv=p=0'];
  const { output } = await runProcess('ffprobe', ['-v', 'error', ...shown, file]);
  // Side data of a frame (SEI) is a separate line without a number.
  return (output.match(/^\d+/gm) ?? []).map(Number);
}

/** The NAL units of a byte stream whose pictures begin with delimiters: sets once, slices by picture. */
export function splitPictures(codec: Codec, bytes: Uint8Array): { sets: Uint8Array[]; pictures: Uint8Array[][] } {
  const sets: Uint8Array[] = [];
  const pictures: Uint8Array[][] = [];
  for (let at = findStartCode(bytes, 0, bytes.length); at >= 0; ) {
    const next = findStartCode(bytes, at + 3, bytes.length);
    const nal = bytes.subarray(at + 3, trimZeros(bytes, at + 3, next < 0 ? bytes.length : next));
    const type = codec.typeOf(nal);
    if (type === codec.delimiter) {
      pictures.push([]);
    } else if (codec.sets.includes(type) && sets.length < codec.sets.length) {
      sets.push(nal);
    } else if (codec.isSlice(type)) {
      pictures.at(-1)?.push(nal);
    }
    at = next;
  }
  return { sets, pictures };
}

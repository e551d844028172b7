import { readFileSync } from 'node:fs';
import { h264Track } from '../../../agent/media/h264/params.ts';
import { h265Track } from '../../../agent/media/h265/params.ts';
import { fourcc } from '../../../agent/media/mp4/box/boxes.ts';
import { bodyOfFirst } from '../../../agent/media/mp4/box/walk.ts';
import { parseInit } from '../../../agent/media/mp4/read/read.ts';
import type { Mp4Track } from '../../../agent/media/mp4/read/read-track.ts';
import { parseMpegAudioFrame } from '../../../agent/media/mpeg-audio/params.ts';
import type { Sample } from '../../../agent/media/sample/sample.ts';
import type { Track } from '../../../agent/media/sample/track.ts';
import { readPlainMp4 } from '../../support/media/read-mp4.ts';
import { clip } from './camera.ts';

/** ffmpeg's options for each: pictures of 320x240 at 25 a second with a key picture each second, sound of 48 kHz. */
const CODERS = {
  h264: ['libx264', '-preset', 'veryfast', '-g', '25', '-sc_threshold', '0', '-bf', '0'],
  // Pictures shown before earlier ones of the stream.
  'h264-b': ['libx264', '-preset', 'veryfast', '-g', '25', '-sc_threshold', '0', '-bf', '2'],
  h265: [
    'libx265',
    '-preset',
    'ultrafast',
    '-x265-params',
    'log-level=error:keyint=25:scenecut=0:open-gop=0:bframes=0',
  ],
  aac: ['aac', '-ac', '2', '-b:a', '96k'],
  opus: ['libopus', '-ac', '2', '-b:a', '64k'],
  mp3: ['libmp3lame', '-ac', '2', '-b:a', '128k'],
  ac3: ['ac3', '-ac', '2', '-b:a', '192k'],
  eac3: ['eac3', '-ac', '2', '-b:a', '192k'],
} as const;

const WALL_MS = Date.UTC(2026, 0, 1);

export type Mp4ClipCodec = keyof typeof CODERS;

export interface Mp4Clip {
  readonly track: Track;
  readonly samples: readonly Sample[];
  /** ffmpeg's output. */
  readonly file: string;
}

const isPicture = (codec: Mp4ClipCodec): boolean => codec.startsWith('h26');

/** A real encoder's output as a stream: from 1 s on. */
export async function mp4Clip(codec: Mp4ClipCodec, seconds: number): Promise<Mp4Clip> {
  const input = isPicture(codec)
    ? ['-f', 'lavfi', '-i', 'testsrc2=s=320x240:r=25', '-pix_fmt', 'yuv420p', '-video_track_timescale', '90000', '-c:v']
    : ['-f', 'lavfi', '-i', 'sine=f=440:r=48000', '-c:a'];
  const file = await clip(`plain-${codec}-${seconds}.mp4`, [
    ...input,
    ...CODERS[codec],
    '-t',
    String(seconds),
    '-movflags',
    '+faststart',
  ]);
  const bytes = readFileSync(file);
  const [found] = parseInit(bytes)?.tracks ?? [];
  const plain = found && readPlainMp4(bytes).get(found.id);
  if (!plain) {
    throw new Error(`${file} has no track`);
  }
  const track = trackOf(codec, found, plain[0]?.data ?? Buffer.alloc(0));
  const scale = track.clockRate / found.timescale;
  // Ignores the edit list, which shows the first picture at 0.
  const origin = plain[0]?.decodeTime ?? 0;
  const ticksOf = (time: number): number => Math.round((time - origin) * scale) + track.clockRate;
  const samples = plain.map(({ decodeTime, shownTime, isSync, data }) => {
    const [dts, pts] = [ticksOf(decodeTime), ticksOf(shownTime)];
    return { dts, pts, wall: WALL_MS + (pts * 1000) / track.clockRate, key: isSync, data };
  });
  return { track, samples, file };
}

function trackOf(codec: Mp4ClipCodec, { sampleEntry, channels }: Mp4Track, first: Uint8Array): Track {
  const config = (type: string, entryBytes: number): Buffer =>
    Buffer.from(bodyOfFirst(sampleEntry.subarray(entryBytes), fourcc(type), 0) ?? []);
  const sound = { kind: 'audio', clockRate: 48_000, channels } as const;
  switch (codec) {
    case 'h264':
    case 'h264-b': {
      const avcC = config('avcC', 86);
      const [sps, rest] = withLength(avcC.subarray(6));
      return h264Track(sps, [withLength(rest.subarray(1))[0]]);
    }
    case 'h265': {
      const [vps, sps, pps] = hevcSets(config('hvcC', 86).subarray(22)) as [Buffer, Buffer, Buffer];
      return h265Track(vps, sps, [pps]);
    }
    case 'aac': {
      const esds = config('esds', 36);
      // DecoderSpecificInfo, with a length of four bytes.
      const at = esds.indexOf(Buffer.of(5, 0x80, 0x80, 0x80));
      return { ...sound, codec, config: esds.subarray(at + 5, at + 5 + (esds[at + 4] ?? 0)), frameSamples: 1024 };
    }
    case 'opus':
      return { ...sound, codec };
    case 'ac3':
      return { ...sound, codec, config: config('dac3', 36).subarray(0, 3) };
    case 'eac3':
      return { ...sound, codec, config: config('dec3', 36).subarray(0, 5) };
    case 'mp3': {
      const { version, layer, sampleRate } = parseMpegAudioFrame(first, 0, first.length);
      return { ...sound, codec: 'mpeg-audio', clockRate: 90_000, version, layer, sampleRate };
    }
  }
}

const withLength = (bytes: Buffer): [Buffer, Buffer] => {
  const end = 2 + bytes.readUInt16BE(0);
  return [bytes.subarray(2, end), bytes.subarray(end)];
};

/** The first NAL unit of each array of `hvcC`. */
function hevcSets(arrays: Buffer): Buffer[] {
  let rest = arrays.subarray(1);
  const sets: Buffer[] = [];
  for (let i = 0; i < (arrays[0] ?? 0); i += 1) {
    const count = rest.readUInt16BE(1);
    rest = rest.subarray(3);
    for (let k = 0; k < count; k += 1) {
      const [nal, behind] = withLength(rest);
      sets.push(...(k === 0 ? [nal] : []));
      rest = behind;
    }
  }
  return sets;
}

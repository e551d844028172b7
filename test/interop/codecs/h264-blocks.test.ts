import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PerchError } from '../../../agent/base/errors.ts';
import { h264Track } from '../../../agent/media/h264/params.ts';
import { findStartCode, trimZeros } from '../../../agent/media/payload/nal.ts';
import type { H264Track } from '../../../agent/media/sample/track.ts';
import { BlockReader } from '../../../agent/picture/block-reader.ts';
import { describeWith, inShort } from '../../peers/programs/peers.ts';
import { runProcess } from '../../peers/programs/process.ts';
import { temporaryFolder } from '../../support/disks/recordings.ts';
import { sampleOf } from '../../support/media/units.ts';

const FRAMES = 30;
const [WIDTH, HEIGHT] = [232, 168];
/** Moves as a whole and in parts, with noise. */
const SCENE = [
  ...['-f', 'lavfi', '-i', `testsrc2=s=${WIDTH}x${HEIGHT}:r=10`],
  ...['-f', 'lavfi', '-i', `mandelbrot=s=${WIDTH}x${HEIGHT}:r=10:start_scale=0.3:end_scale=0.0003`],
  '-filter_complex',
  '[0][1]blend=all_mode=average,noise=alls=8:allf=t:all_seed=3,rotate=0.05*sin(t*3),fade=in:0:20',
];
const X264: readonly (readonly [name: string, settings: string])[] = [
  ['interlaced', '-flags +ildct+ilme -x264-params tff=1'],
  ['ultrafast: CAVLC, one reference', '-preset ultrafast'],
  ['Baseline, all partitions', '-preset ultrafast -profile:v baseline -qp 20 -x264-params partitions=all:ref=3'],
  ['as cameras encode', '-preset superfast -tune zerolatency -crf 30'],
  ['Main, no 8x8 transform', '-preset medium -profile:v main'],
  ['medium: CABAC, 8x8 transform, B pictures', '-preset medium'],
  [
    'temporal direct prediction, pyramid, slices',
    '-preset slow -x264-params direct=temporal:b-pyramid=strict:bframes=4:ref=4:slices=3',
  ],
  [
    'spatial direct prediction, CAVLC, weights',
    '-preset slow -x264-params direct=spatial:b-pyramid=normal:bframes=3:ref=5:cabac=0:weightp=2',
  ],
  ['at a constant bit rate', '-preset veryslow -b:v 150k -maxrate 150k -bufsize 100k'],
  ['open groups, references far away', '-preset slower -x264-params open-gop=1:keyint=12:min-keyint=6:ref=12'],
  ['intra refresh, constrained prediction', '-preset fast -x264-params intra-refresh=1:constrained-intra=1:bframes=0'],
];
const X264_SHORT = [
  'Baseline, all partitions',
  'as cameras encode',
  'interlaced',
  'temporal direct prediction, pyramid, slices',
  'spatial direct prediction, CAVLC, weights',
  'intra refresh, constrained prediction',
];
const GSTREAMER: readonly (readonly [name: string, encoder: string])[] = [
  ['OpenH264 with slices', 'openh264enc slice-mode=n-slices num-slices=3'],
  ['OpenH264 at a constant bit rate', 'openh264enc rate-control=bitrate bitrate=200000 complexity=high'],
  ['x264enc', 'x264enc tune=zerolatency bitrate=200 key-int-max=10'],
];

/** Formats that are left to the first stage. */
const OTHERS: readonly (readonly [name: string, settings: string])[] = [
  ['4:2:2 with 10 bits', '-pix_fmt yuv422p10le'],
  ['4:2:2 with 8 bits', '-pix_fmt yuv422p'],
  ['4:4:4', '-pix_fmt yuv444p'],
];

interface File {
  readonly track: H264Track;
  /** Slices of each picture. */
  readonly pictures: readonly (readonly Uint8Array[])[];
}

function fileOf(path: string): File {
  const bytes = new Uint8Array(readFileSync(path));
  const sets: Uint8Array[][] = [[], []];
  const pictures: Uint8Array[][] = [];
  for (let at = findStartCode(bytes, 0, bytes.length); at >= 0; ) {
    const next = findStartCode(bytes, at + 3, bytes.length);
    const nal = bytes.subarray(at + 3, trimZeros(bytes, at + 3, next < 0 ? bytes.length : next));
    at = next;
    const type = (nal[0] as number) & 0x1f;
    if (type === 7 || type === 8) {
      sets[type - 7]?.push(nal);
    } else if (type === 1 || type === 5) {
      // first_mb_in_slice 0
      if (((nal[1] as number) & 0x80) !== 0) {
        pictures.push([]);
      }
      pictures.at(-1)?.push(nal);
    }
  }
  return { track: h264Track(sets[0]?.[0] ?? new Uint8Array(0), sets[1] ?? []), pictures };
}

/** Quantisers of each picture, sorted: FFmpeg prints pictures in output order. */
function read({ track, pictures }: File): string[] {
  const reader = new BlockReader(track);
  return pictures
    .map((slices, i) => {
      expect(reader.read(sampleOf(...slices)), `picture ${i}`).toBe(true);
      return reader.field.qps.join(' ');
    })
    .sort();
}

/** Quantisers that FFmpeg prints, of each picture. */
async function quantisersOf(path: string): Promise<string[][]> {
  const args = ['-nostdin', '-threads', '1', '-debug', 'mb_type+qp', '-i', path, '-fps_mode', 'passthrough'];
  const { output } = await runProcess('ffmpeg', [...args, '-f', 'null', '-']);
  const types: string[][] = [];
  for (const line of output.split(/[\n\r]/)) {
    const [, row] = /^\[h264 @ 0x[0-9a-f]+\] ((?:[ \d]\d[A-Za-z<>][ +|-][ =]|[ \d]\dX[ +|-][ =])+)$/.exec(line) ?? [];
    if (line.includes('New frame')) {
      types.push([]);
    } else if (row) {
      types.at(-1)?.push(...(row.match(/.{5}/g) ?? []).map((text) => `${Number(text.slice(0, 2))}`));
    }
  }
  return types;
}

async function expectSame(path: string, frames: number): Promise<void> {
  const ours = read(fileOf(path));
  // It decodes the first frames twice.
  const theirs = (await quantisersOf(path)).slice(-frames);
  expect([ours.length, theirs.length]).toEqual([frames, frames]);
  expect(ours).toEqual(theirs.map((qps) => qps.join(' ')).sort());
}

describeWith(['ffmpeg'], 'blocks of x264', () => {
  const encode = async (settings: string, path: string) => {
    const form = settings.includes('-pix_fmt') ? [] : ['-pix_fmt', 'yuv420p'];
    const coder = ['-c:v', 'libx264', ...settings.split(' '), ...form, '-frames:v', String(FRAMES)];
    const { code, output } = await runProcess('ffmpeg', ['-nostdin', '-v', 'error', ...SCENE, ...coder, path]);
    expect(code, output).toBe(0);
  };

  test.for(inShort(X264, ...X264_SHORT))('have the quantisers of ffmpeg: %s', async ([, settings]) => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'clip.h264');
    await encode(settings, path);
    await expectSame(path, FRAMES);
  });

  test.for(inShort(OTHERS, '4:4:4'))('%s is refused', async ([, settings]) => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'clip.h264');
    await encode(settings, path);
    const { track } = fileOf(path);
    expect(() => new BlockReader(track)).toThrow(PerchError);
  });
});

describeWith(['ffmpeg', 'gstreamer'], 'blocks of encoders of GStreamer', () => {
  test.for(inShort(GSTREAMER, 'OpenH264 with slices'))('have the quantisers of ffmpeg: %s', async ([, encoder]) => {
    using folder = temporaryFolder();
    const [raw, path] = [join(folder.path, 'clip.y4m'), join(folder.path, 'clip.h264')];
    const made = await runProcess('ffmpeg', [
      ...['-nostdin', '-v', 'error', ...SCENE, '-frames:v', String(FRAMES), '-pix_fmt', 'yuv420p', raw],
    ]);
    expect(made.code, made.output).toBe(0);
    const stream = `h264parse ! video/x-h264,stream-format=byte-stream ! filesink location=${path}`;
    const pipeline = `filesrc location=${raw} ! y4mdec ! ${encoder} ! ${stream}`;
    const { code, output } = await runProcess('gst-launch-1.0', ['-q', ...pipeline.split(' ')]);
    expect(code, output).toBe(0);
    await expectSame(path, FRAMES);
  });
});

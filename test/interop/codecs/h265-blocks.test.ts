import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PerchError } from '../../../agent/base/errors.ts';
import { h265Track } from '../../../agent/media/h265/params.ts';
import { findStartCode, trimZeros } from '../../../agent/media/payload/nal.ts';
import type { H265Track } from '../../../agent/media/sample/track.ts';
import { BlockReader } from '../../../agent/picture/block-reader.ts';
import { describeWith, inShort } from '../../peers/programs/peers.ts';
import { runProcess } from '../../peers/programs/process.ts';
import { temporaryFolder } from '../../support/disks/recordings.ts';
import { sampleOf } from '../../support/media/units.ts';

const FRAMES = 24;
const [WIDTH, HEIGHT] = [232, 168];
/** Moves as a whole and in parts, with noise. */
const scene = (noise: number) => [
  ...['-f', 'lavfi', '-i', `testsrc2=s=${WIDTH}x${HEIGHT}:r=10`],
  ...['-f', 'lavfi', '-i', `mandelbrot=s=${WIDTH}x${HEIGHT}:r=10:start_scale=0.3:end_scale=0.0003`],
  '-filter_complex',
  `[0][1]blend=all_mode=average,noise=alls=${noise}:allf=t:all_seed=3,rotate=0.05*sin(t*3),fade=in:0:20`,
];

/** Streams whose slices have to end where their data do: one wrong bin, and they do not. */
const X265: readonly (readonly [name: string, settings: string, options?: string])[] = [
  ['ultrafast', '-preset ultrafast'],
  ['superfast without B pictures', '-preset superfast -tune zerolatency'],
  ['veryfast, without wavefronts', '-preset veryfast', 'no-wpp=1'],
  ['medium', '-preset medium'],
  ['slow with all partitions and references', '-preset slow', 'rect=1:amp=1:bframes=4:ref=5:weightb=1:tskip=1'],
  ['weights', '-preset fast', 'weightp=1:weightb=1:ref=4'],
  ['slices, units of 16', '-preset fast', 'slices=4:ctu=16'],
  ['units of 32, deep trees', '-preset medium', 'ctu=32:tu-intra-depth=3:tu-inter-depth=3:rect=1:amp=1'],
  ['large smallest units', '-preset medium', 'min-cu-size=16:rect=1'],
  [
    'a constant bit rate, a quantiser for each unit',
    '-preset medium -b:v 200k -maxrate 200k -bufsize 90k',
    'qg-size=8',
  ],
  ['quantisers for groups', '-preset medium -b:v 500k -maxrate 500k -bufsize 90k', 'aq-mode=2:qg-size=16'],
  ['units without loss', '-preset medium -crf 12', 'cu-lossless=1'],
  ['pictures without loss', '-preset fast', 'lossless=1'],
  ['a fine quantiser', '-preset medium -qp 4'],
  ['signs that are not hidden', '-preset fast', 'no-signhide=1:no-sao=1'],
  ['intra refresh, constrained prediction', '-preset fast', 'bframes=0:intra-refresh=1:constrained-intra=1'],
  ['open groups', '-preset medium', 'keyint=8:min-keyint=8:open-gop=1:bframes=3'],
  ['temporal layers, a pyramid', '-preset medium', 'temporal-layers=1:b-pyramid=1:bframes=8'],
  ['one merge candidate', '-preset medium', 'max-merge=1:no-temporal-mvp=1'],
  ['scaling lists', '-preset medium', 'scaling-list=default'],
  ['10 bits', '-preset medium -pix_fmt yuv420p10le'],
  ['4:2:2', '-preset fast -pix_fmt yuv422p'],
];
const X265_SHORT = [
  'superfast without B pictures',
  'slow with all partitions and references',
  'slices, units of 16',
  'a constant bit rate, a quantiser for each unit',
  'units without loss',
  'intra refresh, constrained prediction',
  'scaling lists',
  '4:2:2',
];
/** Formats that are left to the first stage. */
const OTHERS: readonly (readonly [name: string, settings: string])[] = [
  ['4:4:4', '-pix_fmt yuv444p'],
  ['12 bits', '-pix_fmt yuv420p12le'],
];
interface File {
  readonly track: H265Track;
  readonly samples: readonly Uint8Array[];
}

function fileOf(path: string): File {
  const bytes = new Uint8Array(readFileSync(path));
  const sets: Uint8Array[][] = [[], [], []];
  const pictures: Uint8Array[][] = [];
  for (let at = findStartCode(bytes, 0, bytes.length); at >= 0; ) {
    const next = findStartCode(bytes, at + 3, bytes.length);
    const nal = bytes.subarray(at + 3, trimZeros(bytes, at + 3, next < 0 ? bytes.length : next));
    at = next;
    const type = (nal[0] as number) >> 1;
    if (type >= 32 && type <= 34 && pictures.length === 0) {
      sets[type - 32]?.push(nal);
    } else if (type < 32) {
      // first_slice_segment_in_pic_flag
      if (((nal[2] as number) & 0x80) !== 0) {
        pictures.push([]);
      }
      pictures.at(-1)?.push(nal);
    }
  }
  const [vps = [], sps = [], pps = []] = sets;
  const track = h265Track(vps[0] ?? new Uint8Array(0), sps[0] ?? new Uint8Array(0), pps);
  return { track, samples: pictures.map((slices) => sampleOf(...slices)) };
}

async function encoded(path: string, settings: string, options = '', noise = 8): Promise<File> {
  const form = settings.includes('-pix_fmt') ? [] : ['-pix_fmt', 'yuv420p'];
  const coder = ['-c:v', 'libx265', ...settings.split(' '), ...form];
  const more = ['-x265-params', ['log-level=error', options].filter(Boolean).join(':')];
  const args = ['-nostdin', '-v', 'error', ...scene(noise), '-frames:v', String(FRAMES), ...coder, ...more];
  const { code, output } = await runProcess('ffmpeg', [...args, '-f', 'hevc', path]);
  expect(code, output).toBe(0);
  return fileOf(path);
}

/** Reads all pictures, each up to the stop bit of its slices. */
function readAll({ track, samples }: File): void {
  const reader = new BlockReader(track);
  for (const [i, sample] of samples.entries()) {
    expect(reader.read(sample), `picture ${i}`).toBe(true);
  }
}

describeWith(['ffmpeg'], 'coding units of x265', () => {
  test.for(inShort(X265, ...X265_SHORT))('end where their slice does: %s', async ([, settings, options]) => {
    using folder = temporaryFolder();
    const file = await encoded(join(folder.path, 'clip.hevc'), settings, options);
    expect(file.samples).toHaveLength(FRAMES);
    readAll(file);
  });

  test.for(inShort(OTHERS, '4:4:4'))('are refused: %s', async ([, settings]) => {
    using folder = temporaryFolder();
    const { track } = await encoded(join(folder.path, 'clip.hevc'), `-preset ultrafast ${settings}`);
    expect(() => new BlockReader(track)).toThrow(PerchError);
  });
});

describeWith(['ffmpeg', 'gstreamer'], 'coding units of x265enc', () => {
  test('end where their slice does', async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'clip.hevc');
    const source = `videotestsrc pattern=ball num-buffers=${FRAMES} ! video/x-raw,width=320,height=240,framerate=10/1,format=I420`;
    const pipeline = `${source} ! x265enc bitrate=200 key-int-max=10 ! h265parse ! video/x-h265,stream-format=byte-stream ! filesink location=${path}`;
    const { code, output } = await runProcess('gst-launch-1.0', ['-q', ...pipeline.split(' ')]);
    expect(code, output).toBe(0);
    readAll(fileOf(path));
  });
});

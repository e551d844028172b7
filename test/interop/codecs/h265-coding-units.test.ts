import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PerchError } from '../../../agent/base/errors.ts';
import { H265BlockReader } from '../../../agent/media/h265/coding-units/block-reader.ts';
import { horizontal, vertical } from '../../../agent/media/h265/coding-units/vectors.ts';
import { h265Track } from '../../../agent/media/h265/params.ts';
import { findStartCode, trimZeros } from '../../../agent/media/payload/nal.ts';
import type { H265Track } from '../../../agent/media/sample/track.ts';
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
];
const X265_SHORT = [
  'superfast without B pictures',
  'slow with all partitions and references',
  'slices, units of 16',
  'a constant bit rate, a quantiser for each unit',
  'units without loss',
  'intra refresh, constrained prediction',
  'scaling lists',
];
/** Formats that are left to the first stage. */
const OTHERS: readonly (readonly [name: string, settings: string])[] = [
  ['4:2:2', '-pix_fmt yuv422p'],
  ['4:4:4', '-pix_fmt yuv444p'],
  ['12 bits', '-pix_fmt yuv420p12le'],
];
/** Streams without loop filters, so that a skipped unit is its prediction, pixel for pixel. */
const UNFILTERED: readonly (readonly [name: string, settings: string, options: string])[] = [
  ['P pictures', '-preset medium -crf 34', 'bframes=0:ref=4'],
  ['P pictures of a fast preset', '-preset superfast -crf 36', 'bframes=0'],
  ['B pictures with a pyramid', '-preset medium -crf 34', 'bframes=4:b-pyramid=1:ref=4'],
  ['all partitions', '-preset slow -crf 32', 'rect=1:amp=1:bframes=4:ref=5:max-merge=5'],
  ['units of 16', '-preset medium -crf 34', 'ctu=16:bframes=3:rect=1'],
  ['units of 32, slices', '-preset medium -crf 34', 'ctu=32:slices=2:bframes=3:max-merge=4'],
  ['without temporal candidates', '-preset medium -crf 34', 'no-temporal-mvp=1:bframes=3'],
  ['open groups', '-preset medium -crf 34', 'keyint=8:min-keyint=8:open-gop=1:bframes=3'],
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
function readAll({ track, samples }: File): H265BlockReader {
  const reader = new H265BlockReader(track);
  for (const [i, sample] of samples.entries()) {
    expect(reader.read(sample), `picture ${i}`).toBe(true);
  }
  return reader;
}

/** Luma of all frames in output order, as FFmpeg decodes it. */
async function decoded(path: string): Promise<Uint8Array[]> {
  const raw = `${path}.raw`;
  const args = [
    '-nostdin',
    '-v',
    'error',
    '-i',
    path,
    '-fps_mode',
    'passthrough',
    '-pix_fmt',
    'gray',
    '-f',
    'rawvideo',
  ];
  // The samples are copied as they are: no conversion of ranges.
  const { code, output } = await runProcess('ffmpeg', [...args, '-vf', 'extractplanes=y', raw]);
  expect(code, output).toBe(0);
  const bytes = readFileSync(raw);
  const size = WIDTH * HEIGHT;
  return Array.from({ length: bytes.length / size }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
}

/** Luma interpolation by the quarter of the position, H.265 table 8-11. */
const TAPS = [
  [0, 0, 0, 64, 0, 0, 0, 0],
  [-1, 4, -10, 58, 17, -5, 1, 0],
  [-1, 4, -11, 40, 40, -11, 4, -1],
  [0, 1, -5, 17, 58, -10, 4, -1],
];
const LIST_ENTRIES = 16;

interface Size {
  readonly width: number;
  readonly height: number;
}

/** predSamples of a pixel with 14 bits, H.265 §8.5.3.3.3.1: 8 bits of luma. */
function sampleAt(frame: Uint8Array, { width, height }: Size, x: number, y: number, vector: number): number {
  const [mx, my] = [horizontal(vector), vertical(vector)];
  const [left, top] = [x + (mx >> 2), y + (my >> 2)];
  const pixel = (dx: number, dy: number) => {
    const column = Math.min(Math.max(left + dx, 0), width - 1);
    return frame[Math.min(Math.max(top + dy, 0), height - 1) * width + column] ?? 0;
  };
  const across = TAPS[mx & 3] ?? [];
  const down = TAPS[my & 3] ?? [];
  const row = (dy: number) => across.reduce((sum, tap, i) => sum + tap * pixel(i - 3, dy), 0);
  if ((my & 3) === 0) {
    return (mx & 3) === 0 ? pixel(0, 0) << 6 : row(0);
  }
  if ((mx & 3) === 0) {
    return down.reduce((sum, tap, i) => sum + tap * pixel(0, i - 3), 0);
  }
  return down.reduce((sum, tap, i) => sum + tap * row(i - 3), 0) >> 6;
}

const clip = (value: number) => Math.min(Math.max(value, 0), 255);

/**
 * Skipped coding units of the reader's last picture have the pixels that their vectors point at, without weights and loop filters.
 * @param frames luma in output order; the picture order count is their number
 */
function expectSkippedPixels(
  reader: H265BlockReader,
  frames: readonly Uint8Array[],
  size: Size,
  found: { pixels: number; moved: number; between: number; both: number },
): void {
  const { state, references } = reader;
  const frame = frames[references.poc] ?? new Uint8Array(0);
  const wrong: string[] = [];
  // Every third column and row: each part of 4x4 pixels has one or more of them.
  for (let y = 0; y < size.height; y += 3) {
    for (let x = 0; x < size.width; x += 3) {
      const part = state.partAt(x, y);
      const lists = state.references[part] as number;
      if (lists === 0 || state.skips[state.blockAt(x, y)] !== 1) {
        continue;
      }
      const [vector0, vector1] = [state.vectors0[part] as number, state.vectors1[part] as number];
      const has0 = (lists & 0xff) !== 0;
      const has1 = lists > 0xff;
      const frame0 = frames[references.pocs[(lists & 0xff) - 1] ?? -1] ?? new Uint8Array(0);
      const frame1 = frames[references.pocs[LIST_ENTRIES + (lists >> 8) - 1] ?? -1] ?? new Uint8Array(0);
      const sample0 = has0 ? sampleAt(frame0, size, x, y, vector0) : 0;
      const sample1 = has1 ? sampleAt(frame1, size, x, y, vector1) : 0;
      const predicted = has0 && has1 ? (sample0 + sample1 + 64) >> 7 : (sample0 + sample1 + 32) >> 6;
      const actual = frame[y * size.width + x];
      if (clip(predicted) !== actual) {
        wrong.push(`${x},${y}: ${clip(predicted)} instead of ${actual}`);
      }
      const vector = has0 ? vector0 : vector1;
      found.pixels += 9;
      found.moved += vector === 0 ? 0 : 9;
      found.between += ((horizontal(vector) | vertical(vector)) & 3) === 0 ? 0 : 9;
      found.both += has0 && has1 ? 9 : 0;
    }
  }
  expect(wrong.slice(0, 5), `picture ${references.poc}, ${wrong.length} pixels`).toEqual([]);
}

describeWith(['ffmpeg'], 'coding units of x265', () => {
  test.for(inShort(X265, ...X265_SHORT))('end where their slice does: %s', async ([, settings, options]) => {
    using folder = temporaryFolder();
    const file = await encoded(join(folder.path, 'clip.hevc'), settings, options);
    expect(file.samples).toHaveLength(FRAMES);
    readAll(file);
  });

  test.for(inShort(UNFILTERED, 'P pictures -preset medium', 'all partitions', 'units of 32, slices'))(
    'are pixel for pixel what their vectors point at, where they are skipped: %s',
    async ([, settings, options]) => {
      using folder = temporaryFolder();
      const path = join(folder.path, 'clip.hevc');
      const file = await encoded(path, settings, `${options}:no-deblock=1:no-sao=1:no-weightp=1:no-weightb=1`, 2);
      const frames = await decoded(path);
      expect([frames.length, file.samples.length]).toEqual([FRAMES, FRAMES]);
      const reader = new H265BlockReader(file.track);
      const found = { pixels: 0, moved: 0, between: 0, both: 0 };
      for (const [i, sample] of file.samples.entries()) {
        expect(reader.read(sample), `picture ${i}`).toBe(true);
        expectSkippedPixels(reader, frames, { width: WIDTH, height: HEIGHT }, found);
      }
      expect(found.pixels).toBeGreaterThan((FRAMES * WIDTH * HEIGHT) / 20);
      expect(found.moved).toBeGreaterThan(found.pixels / 10);
      expect(found.between).toBeGreaterThan(found.pixels / 20);
      expect(found.both > 0).toBe(!options.includes('bframes=0'));
    },
  );

  test.for(inShort(OTHERS, '4:2:2'))('are refused: %s', async ([, settings]) => {
    using folder = temporaryFolder();
    const { track } = await encoded(join(folder.path, 'clip.hevc'), `-preset ultrafast ${settings}`);
    expect(() => new H265BlockReader(track)).toThrow(PerchError);
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

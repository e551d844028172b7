import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { recordOfEntry } from '../../../agent/media/mp4/read/entry-track.ts';
import { parseInit } from '../../../agent/media/mp4/read/read.ts';
import type { CodedPicture } from '../../../agent/picture/contracts.ts';
import { decodePicture } from '../../../agent/picture/decoder.ts';
import { Pictures } from '../../../agent/picture/pictures.ts';
import { describeWith, inShort } from '../../peers/programs/peers.ts';
import { runProcess } from '../../peers/programs/process.ts';
import { temporaryFolder } from '../../support/disks/recordings.ts';
import { readPlainMp4 } from '../../support/media/read-mp4.ts';

const MIN_PSNR_DB = 35;
/** Both decode the same coefficients: only roundings differ. */
const MIN_JPEG_PSNR_DB = 50;

/** The first `count` samples of a film of one track. */
function codedOf(film: string, count: number): CodedPicture {
  const bytes = readFileSync(film);
  const [track] = parseInit(bytes)?.tracks ?? [];
  const entry = track && recordOfEntry(track);
  const samples = [...readPlainMp4(bytes).values()][0]?.slice(0, count) ?? [];
  if (!entry) {
    throw new Error(`${film} has no video that is decoded`);
  }
  const coded = samples.map(({ data, shownTime }) => ({ data: Uint8Array.from(data), time: shownTime }));
  return { codec: entry.codec, record: Uint8Array.from(entry.record), samples: coded, until: 0x7fff_ffff };
}

async function run(...args: readonly string[]): Promise<void> {
  const { code, output } = await runProcess(args[0] as string, args.slice(1));
  expect(code, output).toBe(0);
}

const ffmpeg = (...args: readonly string[]) => run('ffmpeg', '-nostdin', '-v', 'error', '-y', ...args);

/** Planes of red, green and blue. */
async function planes(folder: string, input: string, filter: string): Promise<Buffer> {
  const out = join(folder, 'planes.yuv');
  await ffmpeg('-i', input, '-frames:v', '1', '-vf', filter, '-f', 'rawvideo', out);
  return readFileSync(out);
}

function psnr(one: Buffer, other: Buffer): number {
  expect(one.length).toBe(other.length);
  let squares = 0;
  for (let i = 0; i < one.length; i += 1) {
    squares += ((one[i] as number) - (other[i] as number)) ** 2;
  }
  return 10 * Math.log10((255 * 255 * one.length) / squares);
}

const TO_RGB = 'flags=area+accurate_rnd+full_chroma_int+full_chroma_inp,format=gbrp';
const x264 = (params: string, ...args: readonly string[]) => [
  ...['-movflags', '+faststart', '-c:v', 'libx264', '-preset', 'veryfast', '-x264-params', params],
  ...args,
];
const x265 = (params: string, ...args: readonly string[]) => [
  ...[
    '-movflags',
    '+faststart',
    '-c:v',
    'libx265',
    '-preset',
    'ultrafast',
    '-tag:v',
    'hvc1',
    '-x265-params',
    `log-level=none:${params}`,
  ],
  ...args,
];

const TEST_PICTURE = [
  ...['-f', 'lavfi', '-i', 'testsrc2=s=1002x566:d=0.1,gblur=2', '-frames:v', '1'],
  ...['-c:v', 'mjpeg', '-huffman', 'default', '-q:v', '3'],
];
const GST_JPEG = [
  ...['videotestsrc', 'num-buffers=1', 'pattern=smpte75', '!', 'video/x-raw,format=Y42B,width=1002,height=566'],
  ...['!', 'jpegenc', 'quality=90', '!', 'filesink'],
];

describeWith(['ffmpeg', 'gstreamer'], 'pictures of real encoders', () => {
  const folder = temporaryFolder();
  const pictures = new Pictures();
  afterAll(async () => {
    await pictures.close();
    folder[Symbol.dispose]();
  });

  const shown = async (film: string, filter: string, width?: number, count = 1): Promise<number> => {
    const { jpeg } = await pictures.make({ coded: codedOf(film, count), width });
    const file = join(folder.path, 'picture.jpg');
    writeFileSync(file, jpeg);
    const made = await planes(folder.path, file, `scale=${TO_RGB}`);
    return psnr(made, await planes(folder.path, film, filter));
  };

  const ENCODED = [
    ['H.264 with CABAC, B-frames and BT.709', '1920x1080', x264('bframes=3:colormatrix=bt709')],
    ['H.264 Baseline with CAVLC', '640x360', x264('colormatrix=smpte170m', '-profile:v', 'baseline')],
    ['H.264 in four slices', '1280x720', x264('slices=4:colormatrix=bt709')],
    ['H.264 of full range', '640x480', x264('colormatrix=smpte170m', '-pix_fmt', 'yuvj420p')],
    ['H.264 of a cropped size', '1002x566', x264('colormatrix=smpte170m')],
    ['H.264 with 12 megapixels', '4000x3000', x264('colormatrix=bt709')],
    ['H.265', '1920x1080', x265('bframes=3:colormatrix=bt709')],
    ['H.265 with 10 bits', '1280x720', x265('colormatrix=bt2020nc', '-pix_fmt', 'yuv420p10le')],
    ['H.265 with 4:2:2', '1280x720', x265('colormatrix=bt709', '-pix_fmt', 'yuv422p')],
    ['H.265 in slices, of a cropped size', '1002x566', x265('slices=3:colormatrix=smpte170m')],
    ['H.265 with 4K', '3840x2160', x265('colormatrix=bt709')],
  ] as const;
  const SHORT = [
    'H.264 with CABAC, B-frames and BT.709',
    'H.264 in four slices',
    'H.264 of full range',
    'H.264 of a cropped size',
    'H.265 with 10 bits',
    'H.265 in slices, of a cropped size',
  ];
  test.for(inShort(ENCODED, ...SHORT))(
    '%s, %s: as ffmpeg decodes it',
    { timeout: 120_000 },
    async ([, size, encoder]) => {
      const film = join(folder.path, 'film.mp4');
      const source = `testsrc2=s=${size}:r=25:d=0.12,gblur=2`;
      await ffmpeg('-f', 'lavfi', '-i', source, '-pix_fmt', 'yuv420p', ...encoder, film);
      const db = await shown(film, `scale=${TO_RGB}`);
      expect(db).toBeGreaterThan(MIN_PSNR_DB);
    },
  );

  // ffmpeg's own 4:2:2 has other sampling factors than RFC 2435.
  const JPEGS = [
    ['4:2:0 of ffmpeg', (file: string) => ffmpeg(...TEST_PICTURE, '-pix_fmt', 'yuvj420p', file)],
    ['4:2:2 of GStreamer', (file: string) => run('gst-launch-1.0', '-q', ...GST_JPEG, `location=${file}`)],
  ] as const;
  test.for(JPEGS)('MJPEG with %s has the samples that ffmpeg decodes', async ([, encode]) => {
    const [camera, raw] = ['camera.jpg', 'camera.yuv'].map((name) => join(folder.path, name)) as [string, string];
    await encode(camera);
    await ffmpeg('-i', camera, '-f', 'rawvideo', raw);
    const samples = [{ data: Uint8Array.from(readFileSync(camera)), time: 0 }];
    const { width, height, luma, chroma, chromaX, chromaY } = decodePicture({
      ...{ codec: 'mjpeg', record: new Uint8Array(), samples, until: 0 },
    });
    expect([width, height]).toEqual([1002, 566]);
    const rowsOf = ({ samples: all, stride }: typeof luma, across: number, down: number): Buffer =>
      Buffer.concat(
        Array.from({ length: down }, (_, row) => Uint8Array.from(all.subarray(row * stride, row * stride + across))),
      );
    const chromaSize = [-(-width >> chromaX), -(-height >> chromaY)] as const;
    const decoded = [rowsOf(luma, width, height), ...(chroma ?? []).map((plane) => rowsOf(plane, ...chromaSize))];
    expect(psnr(Buffer.concat(decoded), readFileSync(raw))).toBeGreaterThan(MIN_JPEG_PSNR_DB);
  });

  test('half as wide, with samples that are not square, of an interlaced film, and of a moment between key frames', async () => {
    const film = join(folder.path, 'film.mp4');
    const make = (source: string, ...encoder: readonly string[]) =>
      ffmpeg('-f', 'lavfi', '-i', source, '-pix_fmt', 'yuv420p', ...encoder, film);
    await make('testsrc2=s=1280x720:r=25:d=0.2,gblur=2', ...x264('colormatrix=smpte170m'));
    const half = await shown(film, `scale=640:360:${TO_RGB}`, 640);
    await make('testsrc2=s=720x576:r=25:d=0.2,gblur=2,setsar=16/11', ...x264('colormatrix=smpte170m'));
    const wide = await shown(film, `scale=1047:576:${TO_RGB}`);
    const interlaced = x264('tff=1:colormatrix=smpte170m', '-flags', '+ildct+ilme');
    await make('testsrc2=s=720x576:r=50:d=0.4,gblur=2,interlace,setfield=tff', ...interlaced);
    const field = await shown(film, `field=top,scale=360:288:${TO_RGB}`, 360);
    await make('testsrc2=s=640x360:r=25:d=1,gblur=2', ...x264('bframes=3:colormatrix=smpte170m'));
    const later = await shown(film, `select=eq(n\\,24),scale=${TO_RGB}`, undefined, 25);
    for (const db of [half, wide, field, later]) {
      expect(db).toBeGreaterThan(MIN_PSNR_DB);
    }
  });
});

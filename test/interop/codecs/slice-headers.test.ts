import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { h264Track } from '../../../agent/media/h264/params.ts';
import { H264SliceReader } from '../../../agent/media/h264/slice-reader.ts';
import { h265Track } from '../../../agent/media/h265/params.ts';
import { H265SliceReader } from '../../../agent/media/h265/slice-reader.ts';
import { findStartCode, trimZeros } from '../../../agent/media/payload/nal.ts';
import { SLICE_TYPE, type SliceReader } from '../../../agent/media/payload/slice-reader.ts';
import { describeWith, inShort } from '../../peers/programs/peers.ts';
import { runProcess, startProcess } from '../../peers/programs/process.ts';
import { temporaryFolder } from '../../support/disks/recordings.ts';

interface Header {
  readonly type: number;
  readonly qp: number;
  readonly firstUnit: number;
}

/** An encoder's settings; `open` frames of 8 bits unless the line says otherwise. */
const FFMPEG: readonly (readonly [name: string, format: 'h264' | 'hevc', settings: string])[] = [
  ['x264 as it comes', 'h264', '-c:v libx264 -preset medium'],
  ['x264 at a constant bit rate', 'h264', '-c:v libx264 -preset fast -b:v 200k -maxrate 200k -bufsize 100k'],
  [
    'x264 with weights, references and slices',
    'h264',
    '-c:v libx264 -preset slow -x264-params slices=4:weightp=2:ref=5',
  ],
  [
    'x264 with temporal prediction and a pyramid',
    'h264',
    '-c:v libx264 -x264-params direct=temporal:b-pyramid=strict:bframes=4',
  ],
  ['x264 Baseline', 'h264', '-c:v libx264 -profile:v baseline -preset fast'],
  ['x264 interlaced', 'h264', '-c:v libx264 -flags +ildct+ilme -x264-params tff=1'],
  ['x264 with 10 bits and 4:2:2', 'h264', '-c:v libx264 -pix_fmt yuv422p10le'],
  ['x264 with 4:4:4', 'h264', '-c:v libx264 -pix_fmt yuv444p'],
  ['x265 as it comes', 'hevc', '-c:v libx265 -preset medium'],
  ['x265 at a constant bit rate', 'hevc', '-c:v libx265 -preset fast -b:v 200k -maxrate 200k -bufsize 100k'],
  ['x265 with weights and references', 'hevc', '-c:v libx265 -preset slow -x265-params weightp=1:weightb=1:ref=5'],
  ['x265 with slices and small units', 'hevc', '-c:v libx265 -preset fast -x265-params slices=4:ctu=16'],
  ['x265 without B-frames', 'hevc', '-c:v libx265 -preset fast -x265-params bframes=0:intra-refresh=1'],
  ['x265 with 10 bits', 'hevc', '-c:v libx265 -preset fast -pix_fmt yuv420p10le'],
];
const GSTREAMER: readonly (readonly [name: string, format: 'h264' | 'hevc', encoder: string])[] = [
  ['OpenH264', 'h264', 'openh264enc slice-mode=n-slices num-slices=3'],
  ['OpenH264 at a constant bit rate', 'h264', 'openh264enc rate-control=bitrate bitrate=200000 complexity=high'],
  ['x264enc', 'h264', 'x264enc tune=zerolatency bitrate=200'],
  ['x265enc', 'hevc', 'x265enc bitrate=200'],
];
const FFMPEG_SHORT = [
  'x264 at a constant bit rate',
  'x264 with weights, references and slices',
  'x264 interlaced',
  'x265 as it comes',
  'x265 with slices and small units',
];
const FIELDS =
  /\s(first_mb_in_slice|slice_segment_address|first_slice_segment_in_pic_flag|slice_type|slice_pic_parameter_set_id|pic_parameter_set_id|pps_pic_parameter_set_id|pic_init_qp_minus26|init_qp_minus26|slice_qp_delta)\s+\d+ = (-?\d+)$/;

/** What ffmpeg reads in the slice headers. */
async function traced(file: string): Promise<Header[]> {
  const report = `${file}.log`;
  const args = ['-nostdin', '-i', file, '-c', 'copy', '-bsf:v', 'trace_headers', '-f', 'null', '-'];
  const { exited } = startProcess('ffmpeg', args, { FFREPORT: `file=${report}:level=32` });
  expect(await exited).toBe(0);
  const initQps = new Map<number, number>();
  const headers: Header[] = [];
  let pps = 0;
  let type = 0;
  let firstUnit = 0;
  for (const line of readFileSync(report, 'utf8').split('\n')) {
    const [, name = '', text = ''] = FIELDS.exec(line.trimEnd()) ?? [];
    const value = Number(text);
    if (name.endsWith('pic_parameter_set_id')) {
      pps = value;
    } else if (name.endsWith('init_qp_minus26')) {
      initQps.set(pps, 26 + value);
    } else if (name === 'first_slice_segment_in_pic_flag') {
      firstUnit = 0;
    } else if (name === 'first_mb_in_slice' || name === 'slice_segment_address') {
      firstUnit = value;
    } else if (name === 'slice_type') {
      type = value;
    } else if (name === 'slice_qp_delta') {
      headers.push({ type, qp: (initQps.get(pps) ?? Number.NaN) + value, firstUnit });
    }
  }
  return headers;
}

/** The numbers of slice_type in the standards. */
const NUMBERS = {
  h264: { [SLICE_TYPE.p]: 0, [SLICE_TYPE.b]: 1, [SLICE_TYPE.i]: 2 },
  hevc: { [SLICE_TYPE.b]: 0, [SLICE_TYPE.p]: 1, [SLICE_TYPE.i]: 2 },
};

function parsed(file: string, format: 'h264' | 'hevc'): Header[] {
  const data = readFileSync(file);
  const sets = new Map<number, Uint8Array[]>();
  const headers: Header[] = [];
  let reader: SliceReader | undefined;
  for (let at = findStartCode(data, 0, data.length); at >= 0; ) {
    const next = findStartCode(data, at + 3, data.length);
    const end = trimZeros(data, at + 3, next < 0 ? data.length : next);
    const start = at + 3;
    at = next;
    const type = format === 'h264' ? (data[start] ?? 0) & 0x1f : (data[start] ?? 0) >> 1;
    const isSet = format === 'h264' ? type === 7 || type === 8 : type >= 32 && type <= 34;
    if (isSet) {
      sets.set(type, [...(reader ? [] : (sets.get(type) ?? [])), data.subarray(start, end)]);
      continue;
    }
    const isSlice = format === 'h264' ? type <= 5 : type < 32;
    if (!isSlice) {
      continue;
    }
    const one = (key: number) => sets.get(key)?.at(-1) ?? new Uint8Array(0);
    reader ??=
      format === 'h264'
        ? new H264SliceReader(h264Track(one(7), sets.get(8) ?? []))
        : new H265SliceReader(h265Track(one(32), one(33), sets.get(34) ?? []));
    if (reader.read(data, start, end)) {
      headers.push({ type: NUMBERS[format][reader.type], qp: reader.qp, firstUnit: reader.firstUnit });
    }
  }
  return headers;
}

async function expectSame(file: string, format: 'h264' | 'hevc'): Promise<void> {
  const expected = (await traced(file)).map((header) =>
    format === 'h264' ? { ...header, type: header.type % 5 } : header,
  );
  expect(expected.length).toBeGreaterThanOrEqual(60);
  expect(expected.filter(({ qp }) => !(qp >= -12 && qp <= 51))).toEqual([]);
  expect(parsed(file, format)).toEqual(expected);
}

const MOVING = ['-f', 'lavfi', '-i', 'testsrc2=s=328x248:r=10,noise=alls=20:allf=t,fade=in:0:30', '-frames:v', '60'];

describeWith(['ffmpeg'], 'slice headers', () => {
  test.for(inShort(FFMPEG, ...FFMPEG_SHORT))('are those that ffmpeg reads: %s', async ([, format, settings]) => {
    using folder = temporaryFolder();
    const file = join(folder.path, `clip.${format}`);
    const coded = [...settings.split(' '), '-pix_fmt', 'yuv420p'];
    const form = settings.includes('-pix_fmt') ? settings.split(' ') : coded;
    const { code, output } = await runProcess('ffmpeg', [
      '-nostdin',
      '-v',
      'error',
      ...MOVING,
      ...form,
      '-f',
      format,
      file,
    ]);
    expect(code, output).toBe(0);
    await expectSame(file, format);
  });
});

describeWith(['ffmpeg', 'gstreamer'], 'slice headers of encoders of GStreamer', () => {
  test.for(inShort(GSTREAMER, 'OpenH264 at a constant bit rate', 'x265enc'))(
    'are those that ffmpeg reads: %s',
    async ([, format, encoder]) => {
      using folder = temporaryFolder();
      const file = join(folder.path, `clip.${format}`);
      const source =
        'videotestsrc pattern=ball num-buffers=60 ! video/x-raw,width=320,height=240,framerate=10/1,format=I420';
      const stream = format === 'h264' ? 'h264parse ! video/x-h264' : 'h265parse ! video/x-h265';
      const pipeline = `${source} ! ${encoder} ! ${stream},stream-format=byte-stream ! filesink location=${file}`;
      const { code, output } = await runProcess('gst-launch-1.0', ['-q', ...pipeline.split(' ')]);
      expect(code, output).toBe(0);
      await expectSame(file, format);
    },
  );
});

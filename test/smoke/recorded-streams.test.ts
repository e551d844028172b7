import { mkdirSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ffmpegWarnings } from '../peers/programs/ffmpeg.ts';
import { byLength, describeWith, inShort } from '../peers/programs/peers.ts';
import { runProcess } from '../peers/programs/process.ts';
import {
  feed,
  opusSound,
  opusTrack,
  record,
  startRecorder,
  temporaryFolder,
  WALL,
} from '../support/disks/recordings.ts';
import { readPlaylist } from '../support/disks/vod.ts';
import { openVodApp } from '../support/harness/http/vod-app.ts';
import { openPlayback } from '../support/harness/playback.ts';
import { tinyH264, tinyVideo } from '../support/media/tiny-h264.ts';

const NOON = '2026-07-01T12:00:00Z';

/** Packets of each stream, in order, as counted by ffprobe. */
async function packets(input: string): Promise<number[]> {
  const entries = ['-count_packets', '-show_entries', 'stream=index,nb_read_packets', '-of', 'json'];
  const { output } = await runProcess('ffprobe', ['-v', 'error', ...entries, input]);
  const { streams } = JSON.parse(output) as { streams: { nb_read_packets: string }[] };
  return streams.map((stream) => Number(stream.nb_read_packets));
}

const vodUrl = (url: string, start: string, seconds: number): string =>
  `${url}/cam/index.m3u8?${new URLSearchParams({ start, duration: String(seconds) })}`;

/** A fragmented file as other programs write it. */
async function make(folder: string, name: string, args: readonly string[]): Promise<string> {
  const file = join(folder, 'cam', name);
  mkdirSync(join(folder, 'cam'), { recursive: true });
  const movflags = ['-movflags', 'frag_keyframe+empty_moov+default_base_moof'];
  expect(await runProcess('ffmpeg', ['-v', 'error', ...args, ...movflags, file])).toEqual({ code: 0, output: '' });
  return file;
}

const PICTURES = ['-f', 'lavfi', '-i', 'testsrc2=s=160x120:r=25'];
const SOUND = ['-f', 'lavfi', '-i', 'sine=r=48000'];

/** Duration of another program's files: more than one segment of the answer. */
const SECONDS = byLength('10', '20');

const FILES = [
  ['one file', {}, 20],
  [
    'files that continue each other, over midnight',
    { segmentDurationMs: 7_000, wall: Date.UTC(2026, 6, 1, 23, 59, 50) },
    20,
  ],
] as const;

const KINDS = [
  [
    'B-frames and AAC',
    ['-c:v', 'libx264', '-preset', 'veryfast', '-bf', '2', '-pix_fmt', 'yuv420p', '-g', '25', '-c:a', 'aac'],
    [...PICTURES, ...SOUND],
  ],
  [
    'H.265',
    ['-c:v', 'libx265', '-x265-params', 'log-level=none', '-pix_fmt', 'yuv420p', '-g', '25', '-c:a', 'aac'],
    [...PICTURES, ...SOUND],
  ],
  ['sound alone', ['-c:a', 'libopus', '-frag_duration', '1000000'], SOUND],
  ['pictures alone', ['-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-g', '50'], PICTURES],
  [
    'key frames in the middle of fragments',
    [
      '-c:v',
      'libx264',
      '-preset',
      'veryfast',
      '-bf',
      '2',
      '-pix_fmt',
      'yuv420p',
      '-g',
      '20',
      '-c:a',
      'aac',
      '-frag_duration',
      '7300000',
    ],
    [...PICTURES, ...SOUND],
  ],
] as const;

const FRAMES = [
  ['H.264', '-c:v', 'libx264', '-bf', '2'],
  ['H.265', '-c:v', 'libx265', '-x265-params', 'log-level=none'],
  ['VP9', '-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8'],
] as const;

describeWith(['ffmpeg'], 'recordings as HLS, to ffmpeg', () => {
  test.for(inShort(FILES, 'files that continue each other, over midnight'))(
    '%s: every picture and every sound, without a warning',
    async ([, options, seconds]) => {
      using folder = temporaryFolder();
      await record(folder.path, seconds, { sound: true, ...options });
      await using playback = openPlayback(folder.path);
      await using app = await openVodApp(playback, '/playback');
      const url = vodUrl(app.url, new Date('wall' in options ? options.wall : WALL).toISOString(), 60);
      expect(await ffmpegWarnings(['-i', url])).toBe('');
      expect(await packets(url)).toEqual([seconds * 10, seconds * 50]);
    },
  );

  test.for(inShort(KINDS, 'key frames in the middle of fragments', 'sound alone'))(
    "another program's file with %s: as many packets as it has, without a warning",
    async ([, codecs, inputs]) => {
      using folder = temporaryFolder();
      const file = await make(folder.path, '2026-07-01_12-00-00-000000.mp4', [...inputs, '-t', SECONDS, ...codecs]);
      await using playback = openPlayback(folder.path);
      await using app = await openVodApp(playback);
      const url = vodUrl(app.url, NOON, 60);
      expect(await ffmpegWarnings(['-i', url])).toBe('');
      expect(await packets(url)).toEqual(await packets(file));
    },
  );

  test('recordings with a gap between them: all media, without a warning', async () => {
    using folder = temporaryFolder();
    await record(folder.path, 10, { sound: true });
    await record(folder.path, 10, { sound: true, wall: WALL + 45_000 });
    await using playback = openPlayback(folder.path);
    await using app = await openVodApp(playback);
    const url = vodUrl(app.url, NOON, 60);
    expect(await ffmpegWarnings(['-i', url])).toBe('');
    expect(await packets(url)).toEqual([200, 1_000]);
  });

  test('a change of the codec: the segments between two discontinuities are a valid stream', async () => {
    using folder = temporaryFolder();
    const shapes = [
      ['-c:v', 'libx264', '-preset', 'veryfast', '-s', '160x120'],
      ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=none', '-s', '320x240'],
      ['-c:v', 'libx264', '-preset', 'veryfast', '-s', '160x120'],
    ];
    for (const [i, shape] of shapes.entries()) {
      const args = [...PICTURES, '-t', '10', ...shape, '-pix_fmt', 'yuv420p', '-g', '25'];
      await make(folder.path, `2026-07-01_12-00-${i}0-000000.mp4`, args);
    }
    await using playback = openPlayback(folder.path);
    await using app = await openVodApp(playback);
    const media = `${app.url}/cam/media.m3u8?${new URLSearchParams({ start: NOON, duration: '60' })}`;
    const { segments } = readPlaylist(await (await fetch(media)).text());
    expect(segments.map(({ isDiscontinuity }) => isDiscontinuity)).toEqual([false, false, true, false, true, false]);
    expect(new Set(segments.map(({ map }) => map)).size).toBe(3);
    for (const [i, from] of [0, 2, 4].entries()) {
      const [, mapUri = '', initBytes = ''] = /"(.*?)",BYTERANGE="(\d+)@0"/.exec(segments[from]?.map ?? '') ?? [];
      const ranges = [{ uri: mapUri, start: 0, end: Number(initBytes) }, ...segments.slice(from, from + 2)];
      const parts = await Promise.all(
        ranges.map(async ({ uri, start, end }) => {
          const headers = { range: `bytes=${start}-${end - 1}` };
          const answer = await fetch(`${app.url}/cam/${uri}`, { headers });
          expect(answer.status).toBe(206);
          return Buffer.from(await answer.arrayBuffer());
        }),
      );
      const file = join(folder.path, `part-${i}.mp4`);
      await writeFile(file, Buffer.concat(parts));
      expect(await ffmpegWarnings(['-i', file])).toBe('');
      expect(await packets(file)).toEqual([250]);
    }
  });

  test('a file that is deleted is missed where it was, and the rest plays', async () => {
    using folder = temporaryFolder();
    const files = await record(folder.path, 30, { segmentDurationMs: 10_000, sound: true });
    rmSync(files[1] ?? '');
    await using playback = openPlayback(folder.path);
    await using app = await openVodApp(playback);
    const url = vodUrl(app.url, NOON, 60);
    expect(await packets(url)).toEqual([200, 1000]);
  });

  test('fast answers in both formats are valid and have the right length', async () => {
    using folder = temporaryFolder();
    const args = [
      ...PICTURES,
      ...SOUND,
      '-t',
      '40',
      '-c:v',
      'libx264',
      '-preset',
      'veryfast',
      '-bf',
      '2',
      '-pix_fmt',
      'yuv420p',
      '-g',
      '25',
      '-c:a',
      'aac',
    ];
    await make(folder.path, '2026-07-01_12-00-00-000000.mp4', args);
    await using playback = openPlayback(folder.path);
    for (const format of ['fmp4', 'mp4'] as const) {
      const query = { path: 'cam', startUs: WALL * 1000, durationUs: 60e6, format, speed: 8 };
      const { file } = await playback.get(query);
      const out = join(folder.path, `fast.${format}`);
      await writeFile(out, file.read(0, file.sizeBytes));
      expect(await ffmpegWarnings(['-i', out])).toBe('');
      expect(await packets(out)).toEqual([40]);
      const { output } = await runProcess('ffprobe', [
        '-v',
        'error',
        '-show_entries',
        'format=duration',
        '-of',
        'csv=p=0',
        out,
      ]);
      expect(Number(output)).toBeCloseTo(5, 1);
    }
  });

  test('a frame is one picture, of every codec', async () => {
    using folder = temporaryFolder();
    await using playback = openPlayback(folder.path);
    await using app = await openVodApp(playback);
    for (const [i, [, ...codec]] of inShort(FRAMES, 'H.264').entries()) {
      await make(folder.path, `2026-07-0${i + 1}_12-00-00-000000.mp4`, [
        ...PICTURES,
        '-t',
        '4',
        ...codec,
        '-pix_fmt',
        'yuv420p',
        '-g',
        '25',
      ]);
      const url = `${app.url}/cam/frame.mp4?time=2026-07-0${i + 1}T12:00:02.5Z`;
      expect(await ffmpegWarnings(['-i', url])).toBe('');
      expect(await packets(url)).toEqual([1]);
    }
  });

  test('a growing recording: the current part, and more later', async () => {
    using folder = temporaryFolder();
    const now = Date.now();
    await using running = startRecorder(folder.path, {}, [tinyH264, opusTrack]);
    feed(running.stream, [tinyVideo(300, 10, 10, 900_000, now - 60_000), opusSound(1_500, 480_000, now - 60_000)]);
    await using playback = openPlayback(folder.path);
    await using app = await openVodApp(playback);
    const url = vodUrl(app.url, new Date(now - 60_000).toISOString(), 120);
    await expect.poll(async () => (await fetch(url)).status, { timeout: 5_000 }).toBe(200);
    await expect.poll(() => packets(url), { timeout: 10_000 }).toEqual([240, 1_200]);
    expect(await ffmpegWarnings(['-i', url])).toBe('');
  });
});

import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test, vi } from 'vitest';
import type { Sample } from '../../../agent/media/sample/sample.ts';
import type { G711Track, Track } from '../../../agent/media/sample/track.ts';
import type { HlsVariant } from '../../../agent/servers/hls/contracts/hls-muxer.ts';
import { Stream } from '../../../agent/stream/stream.ts';
import { clip } from '../../peers/cameras/camera.ts';
import { CLIP_FPS, type CodedClip, codedClip } from '../../peers/cameras/coded-clip.ts';
import { type Mp4Clip, mp4Clip } from '../../peers/cameras/mp4-clip.ts';
import { describeWith, inShort } from '../../peers/programs/peers.ts';
import { runProcess } from '../../peers/programs/process.ts';
import { temporaryFolder } from '../../support/disks/recordings.ts';
import { openHlsHarness } from '../../support/harness/servers/hls-harness.ts';
import { g722, lpcm, mp3, mpegTs } from '../../support/media/audio-tracks.ts';
import { av1, mjpeg, mpeg4Video, vp8, vp9 } from '../../support/media/video-tracks.ts';

/** The clip's last second is in the unfinished segment, and some pictures before it are still in the decoder's threads. */
const SECONDS = 5;
const SEEN_SECONDS = SECONDS - 2;
const VARIANTS: readonly HlsVariant[] = ['lowLatency', 'fmp4', 'mpegts'];

interface Source {
  readonly track: Track;
  readonly samples: readonly Sample[];
}

/** A server that has muxed the sources, faster than in real time. @returns the address of the playlist */
async function serve(variant: HlsVariant, sources: readonly Source[], directory = ''): Promise<string> {
  const { app, paths, server } = openHlsHarness({ options: { variant, directory, segmentMaxBytes: 10 << 20 } });
  const stream = new Stream(sources.map(({ track }) => track));
  paths.streams.set('cam', stream);
  const opened = server.open('cam');
  await vi.waitFor(() => expect(stream.readers.length).toBeGreaterThan(0));
  const all = sources.flatMap(({ track, samples }, number) =>
    samples.map((sample) => ({ number, sample, seconds: sample.dts / track.clockRate })),
  );
  for (const { number, sample } of all.sort((a, b) => a.seconds - b.seconds)) {
    stream.write(number, sample);
  }
  await opened;
  return `${await app.listen({ host: '127.0.0.1', port: 0 })}/cam/index.m3u8`;
}

const QUIET = ['-nostdin', '-v', 'warning'];
const FROM_THE_START = [...QUIET, '-live_start_index', '0'];

/** ffmpeg's checksums of an input, and its warnings. @param output the amount and the format */
async function read(input: string, output: readonly string[]): Promise<{ sums: string[]; said: string }> {
  const options = input.endsWith('.m3u8') ? FROM_THE_START : QUIET;
  const args = [...options, '-i', input, ...output, '-f', 'framemd5', '-'];
  const { code, output: text } = await runProcess('ffmpeg', args);
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const sums = lines.filter((line) => /^\d/.test(line)).map((line) => line.slice(-32));
  const said = lines.filter((line) => !/^\d/.test(line)).join('\n');
  return { sums, said: code === 0 ? said : `ended with ${code}: ${said}` };
}

const PICTURES = [
  ['lowLatency', 'h264', 'avc1.'],
  ['lowLatency', 'h264-b', 'avc1.'],
  ['lowLatency', 'h265', 'hvc1.'],
  ['lowLatency', 'av1', 'av01.'],
  ['lowLatency', 'vp9', 'vp09.'],
  ['fmp4', 'h264-b', 'avc1.'],
  ['fmp4', 'h265', 'hvc1.'],
  ['fmp4', 'av1', 'av01.'],
  ['fmp4', 'vp9', 'vp09.'],
  ['mpegts', 'h264', 'avc1.'],
  ['mpegts', 'h264-b', 'avc1.'],
] as const;
const SOUNDS = [
  ['lowLatency', 'aac', 'mp4a.40.2'],
  ['lowLatency', 'opus', 'opus'],
  ['lowLatency', 'ac3', 'ac-3'],
  ['fmp4', 'aac', 'mp4a.40.2'],
  ['fmp4', 'opus', 'opus'],
  ['fmp4', 'ac3', 'ac-3'],
  ['fmp4', 'eac3', 'ec-3'],
  ['mpegts', 'aac', 'mp4a.40.2'],
  ['mpegts', 'mp3', 'mp4a.40.34'],
  ['mpegts', 'ac3', 'ac-3'],
  ['mpegts', 'eac3', 'ec-3'],
] as const;

const pictures = ['-map', '0:v:0', '-frames:v', String(SEEN_SECONDS * CLIP_FPS), '-fps_mode', 'passthrough'];

function sourceOf({ track, units }: CodedClip): Source {
  const samples = units.map((unit) => ({ ...unit, wall: unit.pts / 90 }));
  return { track, samples };
}

describeWith(['ffmpeg'], 'ffmpeg and the codecs of HLS', () => {
  const clips = new Map<string, { file: string; source: Source }>();
  beforeAll(async () => {
    for (const codec of ['h264', 'h264-b', 'h265', 'aac', 'opus', 'mp3', 'ac3', 'eac3'] as const) {
      const made: Mp4Clip = await mp4Clip(codec, SECONDS);
      clips.set(codec, { file: made.file, source: made });
    }
    for (const codec of inShort(['av1', 'vp9'] as const, 'av1')) {
      const made = await codedClip(codec, SECONDS);
      clips.set(codec, { file: made.file, source: sourceOf(made) });
    }
  });
  const clipOf = (codec: string) => clips.get(codec) as { file: string; source: Source };

  test.for(inShort(PICTURES, 'lowLatency h264-b', 'lowLatency h265', 'fmp4 av1', 'mpegts h264-b'))(
    "%s: the pictures of %s are the camera's",
    async ([variant, codec, name]) => {
      const { file, source } = clipOf(codec);
      const url = await serve(variant, [source]);
      expect(await (await fetch(url)).text()).toContain(`CODECS="${name}`);
      const [wanted, found] = await Promise.all([read(file, pictures), read(url, pictures)]);
      expect(wanted.sums).toHaveLength(SEEN_SECONDS * CLIP_FPS);
      expect(found).toEqual({ sums: wanted.sums, said: '' });
    },
  );

  test.for(inShort(SOUNDS, 'lowLatency opus', 'fmp4 eac3', 'mpegts eac3', 'mpegts aac', 'mpegts mp3'))(
    '%s: every frame of %s arrives with the pictures',
    async ([variant, codec, name]) => {
      const { source } = clipOf(codec);
      const url = await serve(variant, [clipOf('h264').source, source]);
      expect(await (await fetch(url)).text()).toMatch(new RegExp(`CODECS="avc1[^"]*,${name}"`, 'i'));
      const frames = Math.floor((source.samples.length * SEEN_SECONDS) / SECONDS);
      // In transport streams AAC frames have their own headers.
      const plain = codec === 'aac' && variant === 'mpegts' ? ['-bsf:a', 'aac_adtstoasc'] : [];
      const copied = ['-map', '0:a:0', '-frames:a', String(frames), '-c', 'copy', ...plain, '-f', 'md5', '-'];
      const { output } = await runProcess('ffmpeg', [...FROM_THE_START, '-i', url, ...copied]);
      const sent = Buffer.concat(source.samples.slice(0, frames).map(({ data }) => data));
      expect(output.trim()).toBe(`MD5=${createHash('md5').update(sent).digest('hex')}`);
    },
  );

  test.for(inShort(['fmp4', 'mpegts'] as const, 'fmp4'))(
    '%s: the files in hlsDirectory play without the server',
    async (variant) => {
      using folder = temporaryFolder();
      const { file, source } = clipOf('h264');
      await serve(variant, [source, clipOf('aac').source], folder.path);
      const index = join(folder.path, 'cam/index.m3u8');
      await vi.waitFor(() => expect(existsSync(index)).toBe(true));
      const [wanted, found] = await Promise.all([read(file, pictures), read(index, pictures)]);
      expect(found).toEqual({ sums: wanted.sums, said: '' });
    },
  );

  test.for(inShort(['lowLatency', 'fmp4'] as const, 'lowLatency'))('%s: G.711 is lossless FLAC', async (variant) => {
    const input = ['-f', 'lavfi', '-i', 'sine=f=440:r=8000', '-t', String(SECONDS)];
    const file = await clip(`plain-${SECONDS}.alaw`, [...input, '-c:a', 'pcm_alaw', '-f', 'alaw']);
    const bytes = readFileSync(file);
    const track: G711Track = { kind: 'audio', codec: 'g711', law: 'a', clockRate: 8_000, channels: 1 };
    const samples = Array.from({ length: bytes.length / 160 }, (_, i): Sample => {
      const pts = 8_000 + i * 160;
      return { pts, dts: pts, wall: pts / 8, key: true, data: bytes.subarray(i * 160, (i + 1) * 160) };
    });
    const url = await serve(variant, [clipOf('h264').source, { track, samples }]);
    expect(await (await fetch(url)).text()).toContain('fLaC');
    // Equal pieces of both: their frames differ in length.
    const steady = [
      '-map',
      '0:a:0',
      '-c:a',
      'pcm_s16le',
      '-af',
      'asetnsamples=800',
      '-frames:a',
      String(SEEN_SECONDS * 10),
    ];
    const raw = [
      '-nostdin',
      '-v',
      'warning',
      '-f',
      'alaw',
      '-ar',
      '8000',
      '-i',
      file,
      ...steady,
      '-f',
      'framemd5',
      '-',
    ];
    const { output } = await runProcess('ffmpeg', raw);
    const wanted = output.split('\n').flatMap((line) => (/^\d/.test(line) ? [line.slice(-32)] : []));
    expect(wanted).toHaveLength(SEEN_SECONDS * 10);
    expect(await read(url, steady)).toEqual({ sums: wanted, said: '' });
  });
});

const opus: Track = { kind: 'audio', codec: 'opus', clockRate: 48_000, channels: 2 };
const g711: Track = { kind: 'audio', codec: 'g711', law: 'a', clockRate: 8_000, channels: 1 };

test.for(
  VARIANTS.flatMap((variant) =>
    (
      [
        ['VP8', vp8],
        ['M-JPEG', mjpeg],
        ['MPEG-4 Video', mpeg4Video],
        ['MPEG-TS', mpegTs],
        ['LPCM', { ...lpcm, channels: 6 }],
        ['MPEG-1/2 Audio layer 2', { ...mp3, layer: 2 }],
        ...(variant === 'mpegts'
          ? ([
              ['AV1', av1],
              ['VP9', vp9],
              ['Opus', opus],
              ['G711', g711],
              ['G722', g722],
              ['LPCM', lpcm],
            ] as const)
          : ([['MPEG-1/2 Audio layer 3', mp3]] as const)),
      ] as const
    ).map(([label, track]) => [variant, label, track] as const),
  ),
)('%s: %s alone is a playlist error that names it', async ([variant, label, track]) => {
  const { app, paths } = openHlsHarness({ options: { variant } });
  paths.streams.set('cam', new Stream([track as Track]));
  const answer = await app.inject({ url: '/cam/index.m3u8?cookieCheck=1' });
  expect(answer.statusCode).toBe(500);
  expect(answer.json()).toMatchObject({ error: expect.stringContaining(`has ${label}`) });
});

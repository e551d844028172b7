import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { recoverFile } from '../../agent/record/recovery/recovery.ts';
import { describeWith, inShort } from '../peers/programs/peers.ts';
import { runProcess } from '../peers/programs/process.ts';
import { record, temporaryFolder } from '../support/disks/recordings.ts';
import { getBytes, openPlayback } from '../support/harness/playback.ts';

/** Everything that ffmpeg finds to say about a file while it decodes all of it. */
async function complaints(file: string): Promise<string> {
  const { code, output } = await runProcess('ffmpeg', ['-v', 'warning', '-i', file, '-f', 'null', '-']);
  return code === 0 ? output : `exit code ${code}: ${output}`;
}

interface Probed {
  /** Seconds. */
  readonly duration: number;
  readonly packets: number[];
}

async function probe(file: string): Promise<Probed> {
  const entries = 'stream=nb_read_packets:format=duration';
  const { output } = await runProcess('ffprobe', [
    '-v',
    'warning',
    '-count_packets',
    '-show_entries',
    entries,
    '-of',
    'json',
    file,
  ]);
  const { streams, format } = JSON.parse(output) as {
    streams: { nb_read_packets: string }[];
    format: { duration: string };
  };
  return { duration: Number(format.duration), packets: streams.map((stream) => Number(stream.nb_read_packets)) };
}

const ANSWERS = [
  ['fmp4', 0, 20, 10, [100, 500]],
  ['fmp4', 1500, 5, 5, [55, 250]],
  ['fmp4', -2000, 5, 5, [30, 150]],
  ['mp4', 0, 20, 10, [100, 500]],
  ['mp4', 1500, 5, 5, [55, 250]],
  ['mp4', -2000, 5, 5, [30, 150]],
] as const;

const OTHERS = [
  ['B-frames and AAC', ['-c:v', 'libx264', '-bf', '2', '-c:a', 'aac']],
  ['uncompressed sound', ['-c:v', 'libx264', '-bf', '0', '-c:a', 'pcm_s16be', '-f', 'mov']],
  ['H.265', ['-c:v', 'libx265', '-x265-params', 'log-level=none', '-tag:v', 'hvc1', '-c:a', 'aac']],
  ['data counted from its beginning', ['-c:v', 'libx264', '-c:a', 'aac'], 'frag_keyframe+empty_moov'],
  ['an index before each fragment', ['-c:v', 'libx264', '-c:a', 'aac'], 'dash+frag_keyframe+empty_moov'],
] as const;

describeWith(['ffmpeg'], 'recordings and ffmpeg', () => {
  test('a finished recording, and one that was cut off and recovered, decode without a warning', async () => {
    using folder = temporaryFolder();
    const [file = ''] = await record(folder.path, 5, { sound: true });
    expect(await complaints(file)).toBe('');
    expect((await probe(file)).packets).toEqual([50, 250]);
    const bytes = readFileSync(file);
    bytes.writeUInt32BE(0, bytes.indexOf('mvhd') + 20);
    // The last fragment may have only one packet of audio: the one before it is truncated.
    const lastBut1 = bytes.lastIndexOf('moof', bytes.lastIndexOf('moof') - 1);
    writeFileSync(file, bytes.subarray(0, lastBut1 + 300));
    expect(await recoverFile(file, Date.now())).toMatchObject({ kind: 'recovered' });
    expect(await complaints(file)).toBe('');
    expect((await probe(file)).duration).toBeCloseTo(4, 0);
  });

  test.for(inShort(ANSWERS, 'fmp4 1500', 'mp4 -2000'))(
    'an answer in %s from %s ms on for %s s decodes without a warning and is %s s long',
    async ([format, fromMs, seconds, length, packets]) => {
      using folder = temporaryFolder();
      await record(folder.path, 10, { segmentDurationMs: 2_500, sound: true });
      await using playback = openPlayback(folder.path);
      const file = join(folder.path, 'answer.mp4');
      writeFileSync(file, await getBytes(playback, fromMs, seconds, format));
      expect(await complaints(file)).toBe('');
      const probed = await probe(file);
      expect(probed.duration).toBeCloseTo(length, 1);
      expect(probed.packets).toEqual(packets);
    },
  );

  test.for(inShort(OTHERS, 'uncompressed sound', 'an index before each fragment'))(
    'a recording made by others with %s is listed and played',
    async ([, codecs, flags = 'frag_keyframe+empty_moov+default_base_moof']) => {
      using folder = temporaryFolder();
      const file = join(folder.path, 'cam/2026-07-01_12-00-00-000000.mp4');
      mkdirSync(dirname(file));
      const inputs = ['-f', 'lavfi', '-i', 'testsrc2=s=160x120:r=25', '-f', 'lavfi', '-i', 'sine=r=48000'];
      const fragments = ['-g', '25', '-pix_fmt', 'yuv420p', '-movflags', flags];
      const made = await runProcess('ffmpeg', ['-v', 'error', ...inputs, '-t', '6', ...codecs, ...fragments, file]);
      expect(made).toEqual({ code: 0, output: '' });
      await using playback = openPlayback(folder.path);
      expect(await playback.list('cam', undefined, undefined, '')).toHaveLength(1);
      for (const format of ['fmp4', 'mp4'] as const) {
        for (const [fromMs, seconds] of [
          [0, 60],
          [2_300, 2.5],
        ] as const) {
          const answer = join(folder.path, `answer-${format}-${fromMs}.mp4`);
          writeFileSync(answer, await getBytes(playback, fromMs, seconds, format));
          expect(await complaints(answer)).toBe('');
          expect(Math.abs((await probe(answer)).duration - Math.min(seconds, 6))).toBeLessThan(0.15);
        }
      }
    },
  );

  test('the first shown picture is the one at the requested time', async () => {
    using folder = temporaryFolder();
    await record(folder.path, 6, { sound: true });
    await using playback = openPlayback(folder.path);
    for (const format of ['fmp4', 'mp4'] as const) {
      const file = join(folder.path, `answer-${format}.mp4`);
      writeFileSync(file, await getBytes(playback, 3_500, 1, format));
      // Each second has a different grey: the first of these pictures is that of second 3, those from 0.5 s on are of second 4.
      const args = [
        '-v',
        'error',
        '-i',
        file,
        '-vf',
        'fps=10,scale=1:1',
        '-pix_fmt',
        'gray',
        '-f',
        'rawvideo',
        `${file}.raw`,
      ];
      expect(await runProcess('ffmpeg', args)).toEqual({ code: 0, output: '' });
      const greys = [...readFileSync(`${file}.raw`)];
      expect(new Set(greys.slice(0, 4)).size).toBe(1);
      expect(greys[7]).not.toBe(greys[2]);
    }
  });
});

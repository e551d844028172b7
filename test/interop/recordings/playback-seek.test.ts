import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { clip } from '../../peers/cameras/camera.ts';
import { byLength, describeWith, inShort } from '../../peers/programs/peers.ts';
import { runProcess } from '../../peers/programs/process.ts';

const SECONDS = byLength(12, 40);
/** Times in a response; none right before a key frame, which ffmpeg finds by its decode time. */
const MOMENTS = inShort([0.5, 1, 1.7, 2.9, 3.5, 4.5, 6.6, 7.5, 9.77, 11.5], '0.5', '2.9', '6.6');

/** The resolution of ffmpeg's picture times. */
const CLOCK_HZ = 90_000;

/** Groups of pictures longer than a part of a recording, with start times of responses: at a key frame, in a group, at its end. */
const CAMERAS = [
  {
    path: 'slow',
    name: 'groups of eight seconds',
    codec: ['-preset', 'ultrafast', '-g', '120', '-keyint_min', '120', '-c:a', 'aac'],
    starts: inShort([0, 3.4, 7.4], '3.4'),
  },
  {
    path: 'reordered',
    name: 'B-frames in groups of two seconds',
    codec: ['-preset', 'veryfast', '-bf', '3', '-g', '30', '-keyint_min', '30', '-an'],
    starts: inShort([0, 0.8, 1.9], '0.8'),
  },
] as const;

describeWith(['ffmpeg'], 'ffmpeg seeks in /get as fmp4', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'perch-fmp4-seek-'));
  let agent: Agent;

  beforeAll(async () => {
    const rules = `record: yes, recordPath: '${dataDir}/%path/%Y-%m-%d_%H-%M-%S-%f'`;
    agent = await startAgent({ dataDir, config: `api: yes\nplayback: yes\npaths:\n  all_others: { ${rules} }\n` });
    const inputs = ['-f', 'lavfi', '-i', 'testsrc2=s=320x180:r=15', '-f', 'lavfi', '-i', 'sine=f=440:r=48000'];
    const clips = await Promise.all(
      CAMERAS.map(({ path, codec }) => {
        const coding = ['-c:v', 'libx264', '-sc_threshold', '0', '-pix_fmt', 'yuv420p', ...codec];
        return clip(`fmp4-seek-${path}-${SECONDS}.mp4`, [...inputs, ...coding, '-t', String(SECONDS)]);
      }),
    );
    await Promise.all(
      CAMERAS.map(async ({ path }, i) => {
        const input = ['-nostdin', '-v', 'error', '-re', '-i', clips[i] ?? '', '-c', 'copy'];
        const output = ['-f', 'rtsp', '-rtsp_transport', 'tcp', agent.rtspUrl(path)];
        expect(await runProcess('ffmpeg', [...input, ...output])).toEqual({ code: 0, output: '' });
      }),
    );
  });
  afterAll(async () => {
    await agent?.[Symbol.asyncDispose]();
    rmSync(dataDir, { recursive: true, force: true });
  });

  /** ffmpeg's output, a line for each picture: number of the stream, decode time, time, duration, size, MD5. */
  async function pictures(args: readonly string[]): Promise<string[][]> {
    const quiet = ['-nostdin', '-v', 'warning', ...args, '-map', '0:v'];
    const { output } = await runProcess('ffmpeg', [...quiet, '-enc_time_base', `1:${CLOCK_HZ}`, '-f', 'framemd5', '-']);
    const lines = output.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return lines.map((line) => line.split(',').map((field) => field.trim()));
  }
  /** The picture that ffmpeg finds there when it seeks before it has read anything. */
  const jump = async (url: string, atS: number): Promise<string[]> =>
    (await pictures(['-ss', String(atS), '-i', url, '-frames:v', '1'])).map((fields) => fields.at(-1) ?? '');

  for (const { path, name, starts } of CAMERAS) {
    test.each(starts)(
      `${name}, from %s s on: a seek to each moment shows the picture that plays there`,
      async (fromS) => {
        const span = await until(async () => {
          const [first] = await agent.json<{ start: string; duration: number }[]>(`/playback/list?path=${path}`);
          return first && first.duration > SECONDS - 0.5 ? first : undefined;
        });
        const start = new Date(Date.parse(span.start) + fromS * 1000).toISOString();
        const query = new URLSearchParams({ path, start, duration: String(SECONDS), format: 'fmp4' });
        const url = `${agent.url}/playback/get?${query}`;
        // Every picture up to the end, decoded.
        const played = (await pictures(['-i', url, '-t', String(Math.max(...MOMENTS) + 1)])).map((fields) => ({
          ticks: Number(fields[2]),
          md5: fields.at(-1) ?? '',
        }));
        expect(played.filter(({ ticks, md5 }) => Number.isNaN(ticks) || !/^[0-9a-f]{32}$/.test(md5))).toEqual([]);
        for (const atS of MOMENTS) {
          const first = played.find(({ ticks }) => ticks >= Math.round(atS * CLOCK_HZ));
          expect(await jump(url, atS), `${atS} s`).toEqual([first?.md5]);
        }
      },
    );
  }
});

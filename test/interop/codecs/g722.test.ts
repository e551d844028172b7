import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { barClip, SMALL } from '../../peers/cameras/bar-clip.ts';
import { clip } from '../../peers/cameras/camera.ts';
import { publishClip } from '../../peers/clients/publisher.ts';
import { ffprobe } from '../../peers/programs/ffmpeg.ts';
import { describeWith } from '../../peers/programs/peers.ts';

const SECONDS = 20;
const RATE = 16_000;
/** Time after which a decoder that begins in the middle has the other's values. */
const SETTLED = RATE;
const COMPARED = 2 * RATE;

/** Noise: no two moments of it are alike. */
async function g722Clip(): Promise<string> {
  const silent = await barClip({ ...SMALL, seconds: SECONDS });
  const noise = ['-f', 'lavfi', '-i', `anoisesrc=r=${RATE}:a=0.5:c=pink:seed=7:d=${SECONDS}`];
  const sound = ['-map', '0:v', '-map', '1:a', '-c:v', 'copy', '-c:a', 'g722', '-ac', '1'];
  return clip(`noise-g722-${SECONDS}.mkv`, ['-i', silent, ...noise, ...sound]);
}

function decode(input: string, more: readonly string[] = []): Promise<Int16Array> {
  const args = ['-nostdin', '-v', 'error', '-i', input, ...more, '-map', '0:a', '-f', 's16le', '-'];
  return new Promise((resolve, reject) => {
    const child = spawn('ffmpeg', args);
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stderr.resume();
    child.on('error', reject);
    child.on('close', () => {
      const bytes = Uint8Array.from(Buffer.concat(chunks));
      resolve(new Int16Array(bytes.buffer, 0, bytes.length >> 1));
    });
  });
}

/** The offset of `part` in `whole`; -1: absent. */
function placeOf(part: Int16Array, whole: Int16Array): number {
  for (let at = 0; at + part.length <= whole.length; at += 1) {
    let same = 0;
    while (same < part.length && part[same] === whole[at + same]) {
      same += 1;
    }
    if (same === part.length) {
      return at;
    }
  }
  return -1;
}

describeWith(['ffmpeg'], 'G.722 that ffmpeg sends', () => {
  let agent: Agent;
  let publisher: AsyncDisposable;
  let sent: Int16Array;
  beforeAll(async () => {
    const file = await g722Clip();
    agent = await startAgent({ config: 'paths:\n  all_others: { record: yes }\n' });
    publisher = await publishClip(agent, 'cam', file, { isEndless: true });
    sent = await decode(file);
  });
  afterAll(async () => {
    await publisher?.[Symbol.asyncDispose]();
    await agent?.[Symbol.asyncDispose]();
  });

  async function expectLossless(input: string): Promise<void> {
    const { streams } = await ffprobe(input);
    const sound = streams.find(({ codec_type }) => codec_type === 'audio');
    expect(sound).toMatchObject({ codec_name: 'flac', sample_rate: String(RATE), channels: 1 });
    const got = await decode(input, ['-t', '5']);
    expect(got.length).toBeGreaterThanOrEqual(SETTLED + COMPARED);
    expect(placeOf(got.subarray(SETTLED, SETTLED + COMPARED), sent)).toBeGreaterThanOrEqual(0);
  }

  test('is recorded as FLAC with the values that ffmpeg decodes', async () => {
    const file = await until(async () => {
      const [name] = globSync(join(agent.dataDir, 'recordings/cam/*.mp4'));
      const duration = name ? Number((await ffprobe(name)).format.duration) : 0;
      return duration > 5 ? name : undefined;
    });
    await expectLossless(file);
  });

  test('is in HLS as FLAC with the values that ffmpeg decodes', async () => {
    await expectLossless(`${agent.url}/hls/cam/index.m3u8`);
  });
});

import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, until } from '../peers/agent/agent.ts';
import { startDemoAgent } from '../peers/agent/demo-agent.ts';
import { byLength, describeWith, inShort } from '../peers/programs/peers.ts';
import { runProcess } from '../peers/programs/process.ts';
import { readTimeBar } from '../support/media/time-bar.ts';

const SECONDS = byLength(6, 60);
const WIDTH = 640;
const HEIGHT = 360;
const RATE = 8000;
/** The camera knows both to the millisecond. */
const MAX_MS = 10;
/** A stall of the machine while the camera draws shifts one tick against its picture: this much is imperceptible (ITU-R BT.1359). */
const NOTICED_MS = 45;

/** A picture after the media before the requested start (at most a group of 60). */
const SETTLED = 70;

/** Presentation times of the frames that come out of the decoder, in seconds. */
async function decodedTimes(input: string, stream: string): Promise<number[]> {
  const entries = ['-show_entries', 'frame=pts_time', '-of', 'csv=p=0'];
  const { output } = await runProcess('ffprobe', ['-v', 'error', '-select_streams', stream, ...entries, input]);
  return output.trim().split('\n').map(Number.parseFloat);
}

/** Decodes one stream of an input to raw bytes. */
function decode(input: string, args: readonly string[]): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn('ffmpeg', ['-nostdin', '-v', 'error', '-i', input, '-t', String(SECONDS), ...args, '-']);
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stderr.resume();
    child.on('error', reject);
    child.on('close', () => resolve(Buffer.concat(chunks)));
  });
}

/** Where ticks begin, in samples: the first loud one after a tenth of a second of quiet. */
function onsets(pcm: Int16Array): number[] {
  const found: number[] = [];
  let quiet = RATE;
  for (let i = 0; i < pcm.length; i += 1) {
    const isLoud = Math.abs(pcm[i] ?? 0) > 1500;
    if (isLoud && quiet > RATE / 10) {
      found.push(i);
    }
    quiet = isLoud ? 0 : quiet + 1;
  }
  return found;
}

/** @returns for each tick how far from a full second the picture's clock is then: positive when the sound is late */
async function lags(input: string): Promise<number[]> {
  const pictures = await decode(input, [
    '-map',
    '0:v:0',
    '-fps_mode',
    'passthrough',
    '-f',
    'rawvideo',
    '-pix_fmt',
    'gray',
  ]);
  // Decoded from 0 on, so that gaps are kept.
  const laidOut = ['-af', 'aresample=async=1:first_pts=0', '-f', 's16le', '-ac', '1', '-ar', String(RATE)];
  const sound = await decode(input, ['-map', '0:a:0', ...laidOut]);
  const frameTimes = await decodedTimes(input, 'v:0');
  const at = SETTLED * WIDTH * HEIGHT;
  const shown = readTimeBar(pictures.subarray(at, at + WIDTH * HEIGHT), WIDTH, HEIGHT, WIDTH);
  expect(shown, 'the time bar of a picture').toBeDefined();
  // The wall clock at the media time 0.
  const zeroMs = (shown ?? 0) - (frameTimes[SETTLED] ?? 0) * 1000;
  const pcm = new Int16Array(sound.buffer, sound.byteOffset, sound.length >> 1);
  return onsets(pcm).map((at) => {
    const wallMs = zeroMs + (at / RATE) * 1000;
    return wallMs - Math.round(wallMs / 1000) * 1000;
  });
}

describeWith(['ffmpeg'], 'the tick of each second is heard when the clock in the picture shows it', () => {
  let agent: Agent;
  let recording: { start: string; duration: number };
  beforeAll(async () => {
    agent = await startDemoAgent();
    recording = await until(async () => {
      const response = await fetch(`${agent.url}/playback/list?path=demo`);
      const [first] = response.ok ? ((await response.json()) as (typeof recording)[]) : [];
      return first && first.duration > SECONDS + 2 ? first : undefined;
    });
  });
  afterAll(() => agent[Symbol.asyncDispose]());

  const check = async (input: string) => {
    const found = await lags(input);
    expect(found.length).toBeGreaterThanOrEqual(SECONDS - 2);
    const astray = found.filter((lag) => Math.abs(lag) > MAX_MS);
    expect(astray.length, astray.join(' ')).toBeLessThanOrEqual(1);
    expect(astray.filter((lag) => Math.abs(lag) > NOTICED_MS)).toEqual([]);
  };

  test('in the recording on the disk', async () => {
    const [file = ''] = globSync(join(agent.dataDir, 'recordings/demo/*.mp4'));
    await check(file);
  });

  test('in live HLS, as a player keeps it', async () => {
    const kept = join(agent.dataDir, 'kept.mkv');
    const input = ['-i', `${agent.url}/hls/demo/index.m3u8`, '-t', String(SECONDS + 2)];
    await runProcess('ffmpeg', ['-nostdin', '-v', 'error', ...input, '-map', '0:v', '-map', '0:a', '-c', 'copy', kept]);
    await check(kept);
  });

  test.for(inShort(['fmp4', 'mp4'], 'mp4'))(
    'in /get as %s, from the middle of a group of pictures on',
    async (format) => {
      const start = new Date(Date.parse(recording.start) + 1_300).toISOString();
      const query = `path=demo&start=${start}&duration=${SECONDS}&format=${format}`;
      await check(`${agent.url}/playback/get?${query}`);
    },
  );
});

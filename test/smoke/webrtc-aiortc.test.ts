// @also without-ffi

import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PathStatus } from '../../agent/paths/path-status.ts';
import { type Agent, PATIENT, startAgent, until } from '../peers/agent/agent.ts';
import { barClip, SMALL } from '../peers/cameras/bar-clip.ts';
import { publishClip } from '../peers/clients/publisher.ts';
import { ffprobe } from '../peers/programs/ffmpeg.ts';
import { byLength, describeWith, inShort, PYTHON } from '../peers/programs/peers.ts';
import { runProcess, startProcess } from '../peers/programs/process.ts';

const SECONDS = byLength(3, 60);
const PICTURES = SECONDS * SMALL.fps;
const VIEWER = join(import.meta.dirname, '../peers/clients/aiortc-viewer.py');
const PUBLISHER = join(import.meta.dirname, '../peers/clients/aiortc-publisher.py');

interface Seen {
  readonly status: number;
  readonly error?: string;
  readonly pictures: number;
  readonly size: readonly number[];
  /** Samples of decoded sound. */
  readonly sounds: number;
  readonly loudest: number;
  readonly codecs: readonly string[];
  readonly ended: number;
}

const CAMERAS = [
  ['h264', 'h264', 'opus', ['H264/90000', 'opus/48000/2']],
  ['vp8', 'vp8', 'pcm_mulaw', ['VP8/90000', 'PCMU/8000']],
] as const;
const PUBLISHED = [
  ['VP8', 'vp8'],
  ['H264', 'h264'],
] as const;

/** It knows AES-CM only, and repeats lost packets without RTX. */
describeWith(['aiortc', 'ffmpeg'], 'aiortc', () => {
  const publishers: AsyncDisposable[] = [];
  let agent: Agent;

  beforeAll(async () => {
    agent = await startAgent({ config: `${PATIENT}api: yes\npaths:\n  all_others:\n` });
    for (const [name, video, audio] of inShort(CAMERAS, 'h264')) {
      const clip = await barClip({ ...SMALL, video, audio });
      publishers.push(await publishClip(agent, name, clip, { isEndless: true }));
    }
  });

  afterAll(async () => {
    for (const one of [...publishers, agent]) {
      await one?.[Symbol.asyncDispose]();
    }
  });

  const url = (path: string, purpose: string) => `http://127.0.0.1:${agent.ports.webrtc}/${path}/${purpose}`;
  const statusOf = (path: string) => agent.json<PathStatus>(`/v3/paths/get/${path}`).catch(() => undefined);

  async function view(path: string): Promise<Seen> {
    const { code, output } = await runProcess(PYTHON, [VIEWER, url(path, 'whep'), String(PICTURES)]);
    const line = output.split('\n').find((text) => text.startsWith('{'));
    expect([code, line], output).toEqual([0, expect.any(String)]);
    return JSON.parse(line ?? '') as Seen;
  }

  test.concurrent.for(inShort(CAMERAS, 'h264'))('watches %s with sound', async ([path, , , codecs]) => {
    const seen = await view(path);
    expect(seen).toMatchObject({ status: 201, ended: 200, size: [SMALL.width, SMALL.height] });
    expect(seen.pictures).toBeGreaterThanOrEqual(PICTURES);
    expect(seen.sounds).toBeGreaterThan(0);
    expect(seen.loudest).toBeGreaterThan(1_000);
    expect(seen.codecs.map((codec) => codec.toLowerCase()).sort()).toEqual(
      codecs.map((codec) => codec.toLowerCase()).sort(),
    );
  });

  test.concurrent.for(inShort(PUBLISHED, 'VP8'))('publishes %s and Opus', async ([codec, name]) => {
    const path = `from-${name}`;
    const clip = await barClip({ ...SMALL, audio: 'opus' });
    const publisher = startProcess(PYTHON, [PUBLISHER, url(path, 'whip'), clip, codec]);
    await publisher.waitFor(/^connected$/m);
    const { tracks } = await until(async () => {
      const status = await statusOf(path);
      return status?.ready && status.tracks.length === 2 ? status : undefined;
    });
    expect([...tracks].sort()).toEqual([codec, 'Opus'].sort());
    // A number of pictures, rather than a time: a busy machine makes them more slowly.
    const counted = ['-select_streams', 'v', '-read_intervals', `%+#${SECONDS * 15}`, '-count_frames'];
    const args = ['-rtsp_transport', 'tcp', ...counted];
    const { streams } = await ffprobe(agent.rtspUrl(path), args);
    const video = streams.find(({ codec_type }) => codec_type === 'video');
    expect(video).toMatchObject({ codec_name: name, width: SMALL.width, height: SMALL.height });
    expect(Number(video?.nb_read_frames)).toBeGreaterThan(SECONDS * 10);
    publisher.child.stdin.end();
    await publisher.waitFor(/^ended$/m);
    await until(async () => ((await statusOf(path))?.ready ? undefined : true));
    await publisher.exited;
  });
});

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, startAgent } from '../../peers/agent/agent.ts';
import { type BarClip, barClip, TINY } from '../../peers/cameras/bar-clip.ts';
import { segmentsListed } from '../../peers/clients/hls-playlists.ts';
import { publishClip } from '../../peers/clients/publisher.ts';
import { describeWith } from '../../peers/programs/peers.ts';

const run = promisify(execFile);
const CLIP: BarClip = { ...TINY, audio: 'aac', groupSeconds: 10 };

describeWith(['ffmpeg'], 'the first seconds of a stream with long groups', () => {
  let agent: Agent;
  let clip: string;
  beforeAll(async () => {
    clip = await barClip(CLIP);
    agent = await startAgent({ config: 'hlsAlwaysRemux: yes\npaths:\n  all_others:\n' });
  });
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
  });

  test.concurrent.for([
    ['a second', 1],
    ['two seconds', 2],
  ] as const)('ffmpeg opens it after %s: it counts two tracks and has no word of warning', async ([, segments]) => {
    const path = `cam${segments}`;
    await using _publisher = await publishClip(agent, path, clip, { isEndless: true });
    const url = `http://127.0.0.1:${agent.ports.hls}/${path}/index.m3u8`;
    await segmentsListed(url, segments);
    const shown = ['-show_entries', 'stream=codec_name:format=nb_streams', '-of', 'json'];
    const { stdout, stderr } = await run('ffprobe', ['-v', 'warning', ...shown, url]);
    expect(stderr).toBe('');
    const { streams, format } = JSON.parse(stdout);
    expect(streams.map((stream: { codec_name: string }) => stream.codec_name).sort()).toEqual(['aac', 'h264']);
    expect(format.nb_streams).toBe(2);
  });
});

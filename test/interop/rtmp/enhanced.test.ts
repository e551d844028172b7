import { expect, test } from 'vitest';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { AV_PYTHON, describeWith, inShort } from '../../peers/programs/peers.ts';
import { runProcess, startProcess } from '../../peers/programs/process.ts';

const SCRIPT = `${import.meta.dirname}/../../peers/clients/av-rtmp.py`;
const FOURCCS = 'hvc1,av01,vp09,Opus,fLaC,ac-3';

const CASES = [
  ['libx264', 'aac', ['H264', 'MPEG-4 Audio']],
  ['libx265', 'libopus', ['H265', 'Opus']],
  ['libsvtav1', 'ac3', ['AV1', 'AC3']],
  ['libvpx-vp9', 'flac', ['VP9', 'FLAC']],
  ['-', 'libmp3lame', ['MPEG-1/2 Audio']],
] as const;

const tracksOf = (agent: Agent): Promise<readonly string[]> =>
  until(async () => {
    const { tracks } = await agent.json<{ tracks: string[] }>('/v3/paths/get/cam').catch(() => ({ tracks: [] }));
    return tracks.length > 0 ? tracks : undefined;
  });

describeWith(['av'], 'Enhanced RTMP with a current FFmpeg', () => {
  test.for(inShort(CASES, 'libx265', 'libvpx-vp9'))('%s and %s', async ([video, audio, tracks]) => {
    await using agent = await startAgent({ config: 'paths:\n  all_others:\n' });
    const url = `rtmp://127.0.0.1:${agent.ports.rtmp}/cam`;
    const publisher = startProcess(AV_PYTHON, [SCRIPT, 'publish', url, video, audio, '30']);
    try {
      expect(await tracksOf(agent)).toEqual(tracks);
      const { code, output } = await runProcess(AV_PYTHON, [SCRIPT, 'read', url, FOURCCS]);
      expect(output).toMatch(/^\[\[/m);
      const read = JSON.parse(output.trim().split('\n').at(-1) ?? '[]') as [string, number][];
      expect(code).toBe(0);
      expect(read.length).toBe(tracks.length);
      expect(Math.min(...read.map(([, frames]) => frames))).toBeGreaterThanOrEqual(20);
    } finally {
      await publisher.stop('SIGKILL');
    }
  });
});

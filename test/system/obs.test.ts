import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import type { PathStatus } from '../../agent/paths/path-status.ts';
import { startAgent, until } from '../peers/agent/agent.ts';
import { ffmpegWarnings } from '../peers/programs/ffmpeg.ts';
import { startObs } from '../peers/programs/obs.ts';
import { describeWith } from '../peers/programs/peers.ts';

const TCP = ['-rtsp_transport', 'tcp'];
const USERS = `
authInternalUsers:
  - { user: pia, pass: s3cret, permissions: [{ action: publish }] }
  - { user: any, permissions: [{ action: read }, { action: api }] }
`;

/** Red, green and blue in the middle of the next picture. */
function colourOf(url: string): number[] {
  const output = ['-frames:v', '1', '-vf', 'crop=2:2', '-pix_fmt', 'rgb24', '-f', 'rawvideo', '-'];
  return [...spawnSync('ffmpeg', ['-nostdin', '-v', 'error', ...TCP, '-i', url, ...output]).stdout.subarray(0, 3)];
}

describeWith(['obs', 'xvfb', 'ffmpeg'], 'OBS', () => {
  test('streams over RTMP with user and password in the stream key, and its picture is read', async () => {
    await using agent = await startAgent({ config: `api: yes\n${USERS}paths:\n  all_others:\n` });
    const name = 'live/stage';
    const url = agent.rtspUrl(name);
    {
      await using studio = await startObs(`rtmp://127.0.0.1:${agent.ports.rtmp}/live`, 'stage?user=pia&pass=s3cret');
      const status = await until(async () => {
        const path = await agent.json<PathStatus>(`/v3/paths/get/${name}`).catch(() => undefined);
        return path?.ready ? path : undefined;
      });
      expect(status).toMatchObject({ tracks: ['H264', 'MPEG-4 Audio'], source: { type: 'rtmpConn' } });
      expect(await ffmpegWarnings([...TCP, '-i', url, '-t', '3'])).toBe('');
      const [red = 0, green = 0, blue = 0] = colourOf(url);
      expect([red < 40, green > 215, blue < 40]).toEqual([true, true, true]);
      expect(await agent.json<PathStatus>(`/v3/paths/get/${name}`)).toMatchObject({ inboundFramesInError: 0 });
      expect(studio.obs.output()).toContain('Streaming Start');
    }
    await until(async () => {
      const { itemCount } = await agent.json<{ itemCount: number }>('/v3/rtmpconns/list');
      return itemCount === 0 || undefined;
    });
    expect(agent.process.output()).not.toContain('s3cret');
  });
});

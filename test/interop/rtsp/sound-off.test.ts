import { globSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startAgent, until } from '../../peers/agent/agent.ts';
import { startPublisher } from '../../peers/clients/publisher.ts';
import { ffprobe } from '../../peers/programs/ffmpeg.ts';

interface PathNow {
  readonly ready: boolean;
  readonly readyTime: string;
  readonly tracks: readonly string[];
}

test('a path with disabled audio neither serves nor records it from any source, and enables it again at runtime', async () => {
  await using agent = await startAgent({
    config: 'paths:\n  mic: {}\n  deaf: {audio: no, record: yes}\n',
  });
  await using _one = await startPublisher(agent.rtspUrl('mic'));
  await using _two = await startPublisher(agent.rtspUrl('deaf'));
  const change = async (method: string, call: string, settings: object) => {
    const answer = await fetch(`${agent.url}/v3/config/paths/${call}`, { method, body: JSON.stringify(settings) });
    expect(answer.status).toBe(200);
  };
  await change('POST', 'add/pulled', { source: agent.rtspUrl('mic'), audio: false });
  const tracks = (name: string, count: number) =>
    until(async () => {
      const path = await agent.json<PathNow>(`/v3/paths/get/${name}`).catch(() => undefined);
      return path?.ready && path.tracks.length === count ? path.tracks : undefined;
    });
  expect(await tracks('mic', 2)).toEqual(['H264', 'MPEG-4 Audio']);
  expect([await tracks('deaf', 1), await tracks('pulled', 1)]).toEqual([['H264'], ['H264']]);
  expect((await ffprobe(agent.rtspUrl('deaf'))).streams.map(({ codec_name }) => codec_name)).toEqual(['h264']);

  await change('PATCH', 'patch/pulled', { audio: true });
  expect(await tracks('pulled', 2)).toEqual(['H264', 'MPEG-4 Audio']);
  await change('PATCH', 'patch/deaf', { record: false });
  const [file = ''] = await until(async () => {
    const files = globSync(join(agent.dataDir, 'recordings/deaf/*.mp4'));
    return files.length > 0 ? files : undefined;
  });
  expect((await ffprobe(file)).streams.map(({ codec_name }) => codec_name)).toEqual(['h264']);
});

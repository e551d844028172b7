import { expect, test } from 'vitest';
import type { RtmpConnItem } from '../../../agent/servers/rtmp/session-kinds.ts';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { smallClip } from '../../peers/cameras/camera.ts';
import { ffmpegWarnings, ffprobe } from '../../peers/programs/ffmpeg.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { startProcess } from '../../peers/programs/process.ts';

const PATHS = 'paths:\n  all_others:\n';
const TCP = ['-rtsp_transport', 'tcp'];

const rtmpUrl = ({ ports }: Agent, path: string): string => `rtmp://127.0.0.1:${ports.rtmp}/${path}`;

const isReady = (agent: Agent, name: string): Promise<true> =>
  until(async () => {
    const { ready } = await agent.json<{ ready: boolean }>(`/v3/paths/get/${name}`).catch(() => ({ ready: false }));
    return ready ? true : undefined;
  });

async function publish(agent: Agent, path: string, input: readonly string[]) {
  const running = startProcess('ffmpeg', ['-nostdin', '-v', 'error', ...input, '-f', 'flv', rtmpUrl(agent, path)]);
  await isReady(agent, path);
  return {
    process: running,
    async [Symbol.asyncDispose]() {
      await running.stop('SIGKILL');
    },
  };
}

const connections = async (agent: Agent, state: string): Promise<readonly RtmpConnItem[]> => {
  const { items } = await agent.json<{ items: RtmpConnItem[] }>('/v3/rtmpconns/list');
  return items.filter((connection) => connection.state === state);
};

describeWith(['ffmpeg'], 'the RTMP server', () => {
  test('what ffmpeg publishes is read over RTSP and RTMP', async () => {
    await using agent = await startAgent({ config: PATHS });
    const file = await smallClip(120);
    await using _publisher = await publish(agent, 'live/cam', ['-re', '-i', file, '-c', 'copy']);
    for (const [url, args] of [
      [agent.rtspUrl('live/cam'), TCP],
      [rtmpUrl(agent, 'live/cam'), []],
    ] as const) {
      const { streams, warnings } = await ffprobe(url, args);
      expect(streams.map(({ codec_name, width }) => `${codec_name} ${width ?? ''}`.trim())).toEqual([
        'h264 640',
        'aac',
      ]);
      expect(warnings).toBe('');
      expect(await ffmpegWarnings([...args, '-i', url, '-t', '2'])).toBe('');
    }
    expect(await connections(agent, 'publish')).toMatchObject([{ path: 'live/cam', outboundFramesDiscarded: 0 }]);
  });
});

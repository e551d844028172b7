import { expect, test } from 'vitest';
import type { RtmpConnItem } from '../../../agent/servers/rtmp/session-kinds.ts';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { smallClip } from '../../peers/cameras/camera.ts';
import { ffmpegWarnings, ffprobe } from '../../peers/programs/ffmpeg.ts';
import { startNginxRtmp } from '../../peers/programs/nginx-rtmp.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { runProcess, startProcess } from '../../peers/programs/process.ts';

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

  test("ffmpeg and a WebSocket read FLV at ZLMediaKit's addresses", async () => {
    await using agent = await startAgent({ config: PATHS });
    await using _publisher = await publish(agent, 'cam', ['-re', '-i', await smallClip(120), '-c', 'copy']);
    const { streams, warnings } = await ffprobe(`${agent.url}/live/cam.live.flv`);
    expect(streams.map(({ codec_name }) => codec_name)).toEqual(['h264', 'aac']);
    expect(warnings).toBe('');
    expect(await ffmpegWarnings(['-i', `${agent.url}/live/cam.live.flv`, '-t', '2'])).toBe('');
    const socket = new WebSocket(`${agent.url.replace('http', 'ws')}/live/cam.live.flv`);
    socket.binaryType = 'arraybuffer';
    const bytes: number[] = [];
    socket.onmessage = ({ data }) => bytes.push(...new Uint8Array(data as ArrayBuffer));
    await until(() => (bytes.length > 50_000 ? true : undefined));
    expect(String.fromCharCode(...bytes.slice(0, 3))).toBe('FLV');
    expect(await connections(agent, 'read')).toMatchObject([{ path: 'cam' }]);
    socket.close();
    await until(async () => ((await connections(agent, 'read')).length === 0 ? true : undefined));
    expect((await fetch(`${agent.url}/live/none.live.flv`)).status).toBe(404);
  });
});

describeWith(['ffmpeg', 'gstreamer'], 'RTMP with GStreamer', () => {
  test('rtmp2sink publishes and rtmp2src reads', async () => {
    await using agent = await startAgent({ config: PATHS });
    const encode = ['videotestsrc', 'is-live=true', '!', 'x264enc', 'tune=zerolatency', 'key-int-max=25', '!'];
    const url = rtmpUrl(agent, 'live/cam');
    const publisher = startProcess('gst-launch-1.0', [
      ...encode,
      'flvmux',
      'streamable=true',
      '!',
      'rtmp2sink',
      `location=${url}`,
    ]);
    try {
      await isReady(agent, 'live/cam');
      const decode = [
        '!',
        'flvdemux',
        '!',
        'h264parse',
        '!',
        'avdec_h264',
        '!',
        'identity',
        'eos-after=25',
        '!',
        'fakesink',
      ];
      const { code, output } = await runProcess('gst-launch-1.0', ['-q', 'rtmp2src', `location=${url}`, ...decode]);
      expect(`${code} ${output.trim()}`).toBe('0 ');
    } finally {
      await publisher.stop('SIGKILL');
    }
  });
});

describeWith(['ffmpeg', 'nginxRtmp'], 'RTMP with nginx-rtmp', () => {
  test('a path pulls from nginx what ffmpeg publishes there', async () => {
    await using nginx = await startNginxRtmp();
    const source = `${nginx.url}/cam`;
    const input = ['-nostdin', '-v', 'error', '-re', '-i', await smallClip(120), '-c', 'copy', '-f', 'flv', source];
    const publisher = startProcess('ffmpeg', input);
    try {
      await using agent = await startAgent({ config: `paths:\n  pulled:\n    source: ${source}\n` });
      await isReady(agent, 'pulled');
      const { streams } = await ffprobe(agent.rtspUrl('pulled'), TCP);
      expect(streams.map(({ codec_name }) => codec_name)).toEqual(['h264', 'aac']);
      expect(await ffmpegWarnings([...TCP, '-i', agent.rtspUrl('pulled'), '-t', '2'])).toBe('');
    } finally {
      await publisher.stop('SIGKILL');
    }
  });
});

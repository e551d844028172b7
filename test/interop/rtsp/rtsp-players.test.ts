import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RtspSessionItem } from '../../../agent/servers/rtsp/session/session-kinds.ts';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { smallClip } from '../../peers/cameras/camera.ts';
import { publishClip } from '../../peers/clients/publisher.ts';
import { ffmpegWarnings, ffprobe } from '../../peers/programs/ffmpeg.ts';
import { OWN_END } from '../../peers/programs/gstreamer.ts';
import { byLength, describeWith } from '../../peers/programs/peers.ts';
import { startProcess } from '../../peers/programs/process.ts';

const TLS = join(import.meta.dirname, '../../fixtures/tls');
const SECONDS = byLength(2, 30);

const sessions = async (agent: Agent, kind: 'rtsp' | 'rtsps'): Promise<readonly RtspSessionItem[]> => {
  const { items } = await agent.json<{ items: RtspSessionItem[] }>(`/v3/${kind}sessions/list`);
  return items.filter(({ state, outboundRTPPackets }) => state === 'read' && outboundRTPPackets > 0);
};

/** GStreamer decodes the pictures for a while. @returns the transport, and GStreamer's warnings: none if all is well */
async function gstreamer(agent: Agent, url: string, properties: readonly string[], kind: 'rtsp' | 'rtsps' = 'rtsp') {
  const source = ['-q', 'rtspsrc', `location=${url}`, 'latency=200', ...properties, '!'];
  const decoder = ['application/x-rtp,media=video', '!', 'rtph264depay', '!', 'h264parse', '!', 'avdec_h264', '!'];
  const sink = ['identity', `eos-after=${25 * SECONDS}`, '!', 'fakesink', 'sync=false'];
  for (let run = 1; ; run += 1) {
    const player = startProcess('gst-launch-1.0', [...source, ...decoder, ...sink]);
    let isOver = false;
    void player.exited.then(() => {
      isOver = true;
    });
    const [session] = await until(async () => {
      const found = await sessions(agent, kind);
      return found.length > 0 || isOver ? found : undefined;
    });
    const code = await player.exited;
    await until(async () => ((await sessions(agent, kind)).length === 0 ? true : undefined));
    if (run === 3 || !OWN_END.test(player.output())) {
      return { transport: session?.transport, said: code === 0 ? player.output().trim() : player.output() };
    }
  }
}

describeWith(['ffmpeg', 'gstreamer'], 'players over RTSP', () => {
  test.concurrent('ask for UDP by default, and get it; ffprobe too', async () => {
    await using agent = await startAgent({ config: 'paths:\n  cam:\n' });
    await using _publisher = await publishClip(agent, 'cam', await smallClip(120), { isSilent: true });
    const url = agent.rtspUrl('cam');
    expect(await gstreamer(agent, url, [])).toEqual({ transport: 'UDP', said: '' });
    expect(await ffmpegWarnings(['-i', url, '-t', `${SECONDS}`])).toBe('');
    for (const transport of ['udp', 'tcp']) {
      const { streams, warnings } = await ffprobe(url, ['-rtsp_transport', transport]);
      expect(streams.map(({ codec_name }) => codec_name)).toEqual(['h264']);
      expect(warnings).toBe('');
    }
  });

  test.concurrent('that ask for UDP use TCP if only that is allowed', async () => {
    await using agent = await startAgent({ config: 'rtspTransports: [tcp]\npaths:\n  cam:\n' });
    await using _publisher = await publishClip(agent, 'cam', await smallClip(120), { isSilent: true });
    const url = agent.rtspUrl('cam');
    expect(await gstreamer(agent, url, [])).toEqual({ transport: 'TCP', said: '' });
    const said = await ffmpegWarnings(['-i', url, '-t', `${SECONDS}`]);
    expect(said).toMatch(/^\[rtsp @ \w+\] method SETUP failed: 461 Unsupported Transport$/);
  });

  test.concurrent('use UDP if only that is allowed', async () => {
    await using agent = await startAgent({ config: 'rtspTransports: [udp]\npaths:\n  cam:\n' });
    await using _publisher = await publishClip(agent, 'cam', await smallClip(120), {
      transport: 'udp',
      isSilent: true,
    });
    const url = agent.rtspUrl('cam');
    expect(await gstreamer(agent, url, [])).toEqual({ transport: 'UDP', said: '' });
    expect(await ffmpegWarnings(['-rtsp_transport', 'tcp', '-i', url, '-t', `${SECONDS}`])).toContain('461');
  });

  test.concurrent.for([
    ['through nothing else', 'rtsps', 'UDP'],
    ['through an HTTP tunnel', 'rtspsh', 'TCP'],
  ] as const)('read over TLS %s', async ([, scheme, transport]) => {
    await using agent = await startAgent({
      config: `
rtspEncryption: optional
rtspServerKey: ${TLS}/camera.key
rtspServerCert: ${TLS}/camera.crt
paths:
  cam:
`,
    });
    await using _publisher = await publishClip(agent, 'cam', await smallClip(120), { isSilent: true });
    const url = `${scheme}://127.0.0.1:${agent.ports.rtsps}/cam`;
    expect(await gstreamer(agent, url, ['tls-validation-flags=0'], 'rtsps')).toEqual({ transport, said: '' });
  });
});

import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { PathStatus } from '../../../agent/paths/path-status.ts';
import type { RtspConnItem } from '../../../agent/servers/rtsp/session/session-kinds.ts';
import type { Loudspeaker } from '../../../agent/stream/contracts.ts';
import { type Agent, freeAgentPorts, startAgent, until } from '../../peers/agent/agent.ts';
import { playClip, smallClip, startGstCamera } from '../../peers/cameras/camera.ts';
import { ffmpegWarnings } from '../../peers/programs/ffmpeg.ts';
import { gstreamerSaid } from '../../peers/programs/gstreamer.ts';
import { byLength, describeWith, inShort } from '../../peers/programs/peers.ts';
import { startProcess } from '../../peers/programs/process.ts';
import { certificate } from '../../support/cameras/channel-front.ts';
import { Run } from '../../support/cameras/rtsp-run.ts';

const TLS = join(import.meta.dirname, '../../fixtures/tls');
const sourceFingerprint = new X509Certificate(certificate('camera').cert).fingerprint256.replaceAll(':', '');

/** A folder that is removed at the end. */
function scratch() {
  const path = mkdtempSync(join(tmpdir(), 'perch-test-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** Certificate and key in one file. */
function pem(folder: string): string {
  const file = join(folder, 'camera.pem');
  const { cert, key } = certificate('camera');
  writeFileSync(file, Buffer.concat([cert, key]));
  return file;
}

describeWith(['ffmpeg', 'gstreamer'], "GStreamer's RTSP server as the camera", () => {
  test.concurrent.for(inShort(['rtsp', 'rtsp+http', 'rtsps', 'rtsps+http'], 'rtsp+http', 'rtsps'))(
    'is played over %s://',
    async (scheme) => {
      using folder = scratch();
      const isSecure = scheme.startsWith('rtsps');
      const options = isSecure ? { tls: pem(folder.path) } : {};
      await using camera = await startGstCamera({ '/cam': playClip(await smallClip(8)) }, options);
      const url = camera.url('/cam').replace(/^rtsps?/, scheme);
      await using run = new Run(url, isSecure ? { sourceFingerprint } : {});
      await run.sampled(50);
      expect(run.tracks).toMatchObject([{ codec: 'h264', width: 640, height: 360 }]);
      expect(run.source.statistics).toMatchObject({ transport: 'TCP', lost: 0, badPackets: 0 });
      expect(run.samples.filter(({ sample }) => sample.key).length).toBeGreaterThan(0);
    },
  );

  test.concurrent.for(inShort(['tcp', 'udp'] as const, 'tcp'))(
    "a camera with a loudspeaker gets the viewer's audio over %s, byte for byte",
    async (rtspTransport) => {
      using folder = scratch();
      const heard = join(folder.path, 'heard.alaw');
      const video =
        '( videotestsrc is-live=1 ! video/x-raw,width=320,height=240,framerate=10/1 ! x264enc tune=zerolatency speed-preset=ultrafast ! rtph264pay name=pay0 pt=96 )';
      await using camera = await startGstCamera({ '/cam': video }, { backChannel: heard });
      await using run = new Run(camera.url('/cam'), { rtspTransport });
      await run.sampled(1);
      const { loudspeaker } = run.source;
      const channel = await (loudspeaker as Loudspeaker).open(() => {}, new AbortController().signal);
      const words = Uint8Array.from({ length: 8_000 }, (_, i) => i & 0xff);
      for (let at = 0; at < words.length; at += 160) {
        channel.send(words.subarray(at, at + 160), at);
      }
      await until(() => (readFileSync(heard).length >= words.length ? true : undefined));
      expect(new Uint8Array(readFileSync(heard))).toEqual(words);
      channel.close();
      await run.sampled(run.samples.length + 5);
    },
  );
});

/** Perch with TLS next to plain RTSP, and a clip that ffmpeg publishes to `origin`. */
async function publishing(more = '', ports?: Agent['ports']): Promise<Agent> {
  const agent = await startAgent({
    ...(ports ? { ports } : {}),
    config: `
api: yes
rtspEncryption: optional
rtspServerKey: ${TLS}/camera.key
rtspServerCert: ${TLS}/camera.crt
paths:
  origin:
${more}`,
  });
  const input = ['-nostdin', '-v', 'error', '-re', '-i', await smallClip(120), '-c', 'copy', '-f', 'rtsp'];
  const publisher = startProcess('ffmpeg', [...input, '-rtsp_transport', 'tcp', agent.rtspUrl('origin')]);
  await pathIsReady(agent, 'origin');
  const close = agent[Symbol.asyncDispose].bind(agent);
  return {
    ...agent,
    async [Symbol.asyncDispose]() {
      await publisher.stop('SIGKILL');
      await close();
    },
  };
}

const pathIsReady = (agent: Agent, name: string): Promise<PathStatus> =>
  until(async () => {
    const path = await agent.json<PathStatus>(`/v3/paths/get/${name}`).catch(() => undefined);
    return path?.ready ? path : undefined;
  });

const tunnels = async (agent: Agent, kind: 'rtsp' | 'rtsps'): Promise<string[]> => {
  const { items } = await agent.json<{ items: RtspConnItem[] }>(`/v3/${kind}conns/list`);
  return items.map(({ tunnel }) => tunnel);
};

describeWith(['ffmpeg', 'gstreamer'], 'readers of others through tunnels', () => {
  test.concurrent('ffmpeg and GStreamer read through an HTTP tunnel, and the API names it', async () => {
    await using agent = await publishing();
    const url = agent.rtspUrl('origin');
    const seconds = ['-t', byLength('1', '2')];
    expect(await ffmpegWarnings(['-rtsp_transport', 'http', '-i', url, ...seconds])).toBe('');

    const source = ['rtspsrc', `location=${url.replace('rtsp:', 'rtsph:')}`, 'latency=0'];
    const sink = ['rtph264depay', '!', 'h264parse', '!', 'fakesink', `num-buffers=${byLength(25, 100)}`];
    const reader = startProcess('gst-launch-1.0', ['-q', ...source, '!', ...sink]);
    await until(async () => ((await tunnels(agent, 'rtsp')).includes('http') ? true : undefined));
    expect(gstreamerSaid(await reader.exited, reader.output())).toBe('');
  });

  test.concurrent('ffmpeg reads over TLS, and through an HTTP tunnel in TLS', async () => {
    await using agent = await publishing();
    const url = agent
      .rtspUrl('origin')
      .replace(`rtsp://127.0.0.1:${agent.ports.rtsp}`, `rtsps://127.0.0.1:${agent.ports.rtsps}`);
    expect(await ffmpegWarnings(['-rtsp_transport', 'tcp', '-i', url, '-t', '2'])).toBe('');
    const plain = url.replace('rtsps:', 'rtsp:');
    expect(await ffmpegWarnings(['-rtsp_transport', 'https', '-i', plain, '-t', '2'])).toBe('');
  });

  test.concurrent('a browser at the RTSP port gets the purpose of the port', async () => {
    await using agent = await startAgent();
    const response = await fetch(`http://127.0.0.1:${agent.ports.rtsp}/`);
    expect([response.status, await response.text()]).toEqual([
      400,
      'HTTP GET is not a tunnel: this port is for RTSP\n',
    ]);
  });
});

describeWith(['ffmpeg'], 'Perch reading from Perch', () => {
  test.concurrent('works through every kind of tunnel', async () => {
    const schemes = ['rtsp+http', 'rtsp+ws', 'rtsps', 'rtsps+http', 'rtsps+ws'];
    const ports = await freeAgentPorts();
    const paths = schemes.map((scheme) => {
      const isSecure = scheme.startsWith('rtsps');
      const source = `${scheme}://127.0.0.1:${isSecure ? ports.rtsps : ports.rtsp}/origin`;
      return `  ${scheme.replace('+', '-')}: { source: '${source}', sourceFingerprint: '${isSecure ? sourceFingerprint : ''}' }\n`;
    });
    await using agent = await publishing(paths.join(''), ports);
    for (const scheme of schemes) {
      const path = await pathIsReady(agent, scheme.replace('+', '-'));
      expect(path.tracks).toEqual(['H264', 'MPEG-4 Audio']);
    }
    // The publisher uses the plain one.
    expect((await tunnels(agent, 'rtsp')).sort()).toEqual(['http', 'none', 'websocket']);
    expect((await tunnels(agent, 'rtsps')).sort()).toEqual(['http', 'none', 'websocket']);
  });
});

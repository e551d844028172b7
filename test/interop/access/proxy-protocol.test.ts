import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { smallClip } from '../../peers/cameras/camera.ts';
import { startPublisher } from '../../peers/clients/publisher.ts';
import { ffprobe } from '../../peers/programs/ffmpeg.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { startProcess } from '../../peers/programs/process.ts';
import { freePorts } from '../../support/base/free-port.ts';

const TLS = join(import.meta.dirname, '../../fixtures/tls');
/** HAProxy connects from here, its clients from 127.0.0.1. */
const PROXY = '127.0.0.3';

const config = (trusted: string): string => `
rtspEncryption: optional
rtspServerKey: ${TLS}/camera.key
rtspServerCert: ${TLS}/camera.crt
rtspTransports: [tcp]
rtspTrustedProxies: [${trusted}]
rtmpTrustedProxies: [${trusted}]
authInternalUsers:
  - user: any
    ips: [127.0.0.1]
    permissions: [{action: publish}, {action: read}, {action: api}]
paths:
  all_others:
`;

interface Front extends AsyncDisposable {
  url(scheme: 'rtsp' | 'rtsps' | 'rtmp', path: string): string;
}

/** HAProxy before the ports of RTSP (version 1), RTSPS and RTMP (version 2). */
async function startHaproxy({ ports }: Agent): Promise<Front> {
  const folder = mkdtempSync(join(tmpdir(), 'perch-haproxy-'));
  const [rtsp = 0, rtsps = 0, rtmp = 0] = await freePorts(3);
  const fronts = { rtsp, rtsps, rtmp };
  const listen = (name: 'rtsp' | 'rtsps' | 'rtmp', option: string): string =>
    `listen ${name}\n  bind 127.0.0.1:${fronts[name]}\n  server perch 127.0.0.1:${ports[name]} source ${PROXY} ${option}\n`;
  const file = join(folder, 'haproxy.cfg');
  const defaults = 'defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 1m\n  timeout server 1m\n';
  const fronted = [listen('rtsp', 'send-proxy'), listen('rtsps', 'send-proxy-v2'), listen('rtmp', 'send-proxy-v2')];
  writeFileSync(file, `global\n  maxconn 100\n${defaults}${fronted.join('')}`);
  const running = startProcess('haproxy', ['-db', '-f', file]);
  await until(() => accepts(rtmp));
  return {
    url: (scheme, path) => `${scheme}://127.0.0.1:${fronts[scheme]}/${path}`,
    async [Symbol.asyncDispose]() {
      await running.stop('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const accepts = (port: number): Promise<true | undefined> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(undefined));
  });

interface Item {
  readonly path?: string;
  readonly state?: string;
  readonly remoteAddr: string;
}

const addressesOf = async (agent: Agent, list: string): Promise<string[]> => {
  const { items } = await agent.json<{ items: Item[] }>(`/v3/${list}/list`);
  return items.map(({ remoteAddr }) => remoteAddr.replace(/:\d+$/, ''));
};

describeWith(['ffmpeg', 'haproxy'], 'behind HAProxy', () => {
  test.concurrent('RTSP, RTSPS and RTMP clients have their own addresses, for permissions and lists', async () => {
    await using agent = await startAgent({ config: config(PROXY) });
    await using front = await startHaproxy(agent);
    for (const [scheme, list] of [
      ['rtsp', 'rtspsessions'],
      ['rtsps', 'rtspssessions'],
    ] as const) {
      await using _publisher = await startPublisher(front.url(scheme, scheme));
      const addresses = await until(async () => {
        const found = await addressesOf(agent, list);
        return found.length > 0 ? found : undefined;
      });
      expect(addresses).toEqual(['127.0.0.1']);
      // The session is in its list before its path exists.
      const isReady = async () => (await agent.json<{ ready: boolean }>(`/v3/paths/get/${scheme}`)).ready || undefined;
      await until(() => isReady().catch(() => undefined));
      const { streams } = await ffprobe(front.url(scheme, scheme), ['-rtsp_transport', 'tcp']);
      expect(streams.map(({ codec_name }) => codec_name)).toEqual(['h264', 'aac']);
    }
    const input = ['-nostdin', '-v', 'error', '-re', '-i', await smallClip(10), '-c', 'copy', '-f', 'flv'];
    const publisher = startProcess('ffmpeg', [...input, front.url('rtmp', 'live')]);
    const addresses = await until(async () => {
      const found = await addressesOf(agent, 'rtmpconns');
      return found.length > 0 ? found : undefined;
    });
    expect(addresses).toEqual(['127.0.0.1']);
    const { streams } = await ffprobe(front.url('rtmp', 'live'));
    expect(streams.map(({ codec_name }) => codec_name)).toEqual(['h264', 'aac']);
    await publisher.stop('SIGKILL');
  });

  test.concurrent('that is not trusted, they have its address', async () => {
    await using agent = await startAgent({ config: config('192.0.2.1') });
    await using front = await startHaproxy(agent);
    const publisher = startProcess('ffmpeg', [
      ...['-nostdin', '-v', 'error', '-re', '-i', await smallClip(10), '-c', 'copy'],
      ...['-f', 'rtsp', '-rtsp_transport', 'tcp', front.url('rtsp', 'cam')],
    ]);
    await publisher.exited;
    expect(publisher.output()).toContain('401 Unauthorized');
  });
});

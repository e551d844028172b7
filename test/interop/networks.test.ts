import { globSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { PathStatus } from '../../agent/paths/path-status.ts';
import type { RtspSessionItem } from '../../agent/servers/rtsp/items.ts';
import { type Agent, startAgent, until } from '../peers/agent.ts';
import { type GstCamera, playClip, smallClip, startGstCamera } from '../peers/camera.ts';
import { ffmpegWarnings, packetTimes } from '../peers/ffmpeg.ts';
import { type Namespace, openNamespace } from '../peers/namespace.ts';
import { byLength, describeWith } from '../peers/peers.ts';
import { runProcess, startProcess } from '../peers/process.ts';

/** 25 a second. */
const PICTURES = byLength(75, 1_000);
/** What the clip has in that time at least. */
const BYTES = PICTURES * 4_500;
const SMALL_MTU_BYTES = 1_280;

const pathWhen = (agent: Agent, name: string, is: (path: PathStatus) => boolean): Promise<PathStatus> =>
  until(async () => {
    const path = await agent.json<PathStatus>(`/v3/paths/get/${name}`);
    return is(path) ? path : undefined;
  });

/** Plays for a while from now on. */
async function plays(agent: Agent, name: string): Promise<PathStatus> {
  const { bytesReceived } = await pathWhen(agent, name, ({ ready }) => ready);
  return pathWhen(agent, name, (path) => path.ready && path.bytesReceived > bytesReceived + BYTES);
}

const filesOf = (agent: Agent, name: string): string[] =>
  globSync(join(agent.dataDir, `recordings/${name}/*.mp4`)).sort();

async function cameraIn(namespace: Namespace, protocols: readonly ('tcp' | 'udp' | 'multicast')[]): Promise<GstCamera> {
  return startGstCamera({ '/cam': playClip(await smallClip(120), true) }, { namespace, protocols });
}

/** Decodes so many pictures in another network. @returns what GStreamer had to say: nothing, when all is well */
async function readIn(namespace: Namespace, url: string, protocols: string, pictures: number): Promise<string> {
  const source = ['rtspsrc', `location=${url}`, `protocols=${protocols}`, 'latency=200'];
  const decoder = ['rtph264depay', '!', 'h264parse', '!', 'avdec_h264', '!', 'identity', `eos-after=${pictures}`];
  const pipeline = [...source, '!', 'application/x-rtp,media=video', '!', ...decoder, '!', 'fakesink', 'sync=false'];
  const { code, output } = await runProcess('ip', [
    ...['netns', 'exec', namespace.name, 'gst-launch-1.0', '-q', ...pipeline],
  ]);
  return code === 0 ? output.trim() : `ended with ${code}: ${output.trim()}`;
}

const sessions = async (agent: Agent): Promise<readonly RtspSessionItem[]> => {
  const { items } = await agent.json<{ items: RtspSessionItem[] }>('/v3/rtspsessions/list');
  return items.filter(({ state }) => state === 'read');
};

/** An agent in all networks, and a clip that ffmpeg publishes to `cam`. */
async function publishing(): Promise<Agent> {
  const agent = await startAgent({ config: 'api: yes\npaths:\n  cam:\n', host: '0.0.0.0' });
  const input = ['-nostdin', '-v', 'error', '-re', '-i', await smallClip(120), '-c', 'copy', '-f', 'rtsp'];
  const publisher = startProcess('ffmpeg', [...input, '-rtsp_transport', 'tcp', agent.rtspUrl('cam')]);
  await pathWhen(agent, 'cam', ({ ready }) => ready);
  const close = agent[Symbol.asyncDispose].bind(agent);
  return {
    ...agent,
    async [Symbol.asyncDispose]() {
      await publisher.stop('SIGKILL');
      await close();
    },
  };
}

const urlFrom = (agent: Agent, { hostIp }: Namespace): string => agent.rtspUrl('cam').replace('127.0.0.1', hostIp);

describeWith(['ffmpeg', 'gstreamer', 'namespaces'], 'in networks of their own', () => {
  test.concurrent.for(['udp', 'multicast'] as const)(
    'two cameras of two networks are pulled by %s, although both send to the same group',
    async (rtspTransport) => {
      await using house = await openNamespace();
      await using barn = await openNamespace();
      await using inHouse = await cameraIn(house, [rtspTransport]);
      await using inBarn = await cameraIn(barn, [rtspTransport]);
      const path = (name: string, camera: GstCamera) =>
        `  ${name}: { source: '${camera.url('/cam')}', rtspTransport: ${rtspTransport}, record: yes }\n`;
      await using agent = await startAgent({
        config: `api: yes\npaths:\n${path('house', inHouse)}${path('barn', inBarn)}`,
      });
      for (const name of ['house', 'barn']) {
        const { sourceStatistics } = await plays(agent, name);
        expect(sourceStatistics).toMatchObject({ lost: 0, late: 0, badPackets: 0, jumps: 0 });
      }
      await agent.process.stop('SIGINT');
      for (const name of ['house', 'barn']) {
        expect(filesOf(agent, name)).toHaveLength(1);
        expect(await ffmpegWarnings(['-i', filesOf(agent, name)[0] ?? ''])).toBe('');
      }
    },
  );

  test.concurrent('readers by multicast in two networks are both sent to', async () => {
    await using house = await openNamespace();
    await using barn = await openNamespace();
    await using agent = await publishing();
    const reading = [house, barn].map((network) => readIn(network, urlFrom(agent, network), 'udp-mcast', PICTURES));
    const both = await until(async () => {
      const found = await sessions(agent);
      return found.length === 2 && found.every(({ outboundRTPPackets }) => outboundRTPPackets > 0) ? found : undefined;
    });
    expect(both.map(({ transport }) => transport)).toEqual(['UDP-multicast', 'UDP-multicast']);
    expect(await Promise.all(reading)).toEqual(['', '']);
  });

  test.concurrent.for(['tcp', 'udp'] as const)(
    'a camera that loses its address and gets it back is pulled again by %s',
    async (rtspTransport) => {
      await using network = await openNamespace();
      await using camera = await cameraIn(network, ['tcp', 'udp']);
      const path = `cam: { source: '${camera.url('/cam')}', rtspTransport: ${rtspTransport}, record: yes }`;
      await using agent = await startAgent({ config: `api: yes\nreadTimeout: 3s\npaths:\n  ${path}\n` });
      await plays(agent, 'cam');
      await network.give(false);
      const { lastError } = await pathWhen(agent, 'cam', (status) => !status.ready && status.lastError !== null);
      expect(lastError).toBe("camera of path 'cam' has sent no media for 3 s");
      await network.give(true);
      await plays(agent, 'cam');
      await agent.process.stop('SIGINT');
      expect(filesOf(agent, 'cam')).toHaveLength(2);
      for (const file of filesOf(agent, 'cam')) {
        expect(await ffmpegWarnings(['-i', file])).toBe('');
      }
    },
  );

  test.concurrent.for([
    ['on our own cable', SMALL_MTU_BYTES, 1_500],
    ['behind a router', 1_500, SMALL_MTU_BYTES],
  ] as const)(
    'a way that takes nothing above 1280 bytes, %s, is no obstacle over UDP, to us or from us',
    async ([, ourMtuBytes, farMtuBytes]) => {
      await using router = await openNamespace({ mtuBytes: ourMtuBytes });
      await using far = await openNamespace({ behind: router, mtuBytes: farMtuBytes });
      await using agent = await publishing();
      expect(await readIn(far, urlFrom(agent, router), 'udp', PICTURES)).toBe('');

      await using camera = await cameraIn(far, ['udp']);
      const path = `cam: { source: '${camera.url('/cam')}', rtspTransport: udp, record: yes }`;
      await using puller = await startAgent({ config: `api: yes\npaths:\n  ${path}\n` });
      const { sourceStatistics } = await plays(puller, 'cam');
      // What is sent before the sender is told how much the way takes.
      expect(sourceStatistics?.lost).toBeLessThan(10);
      await puller.process.stop('SIGINT');
      const [file = ''] = filesOf(puller, 'cam');
      expect(await ffmpegWarnings(['-i', file])).toBe('');
      expect((await packetTimes(file, 'v:0')).length).toBeGreaterThan(PICTURES / 2);
    },
  );
});

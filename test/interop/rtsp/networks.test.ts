// @also without-ffi

import { globSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { PathStatus } from '../../../agent/paths/path-status.ts';
import type { RtspSessionItem } from '../../../agent/servers/rtsp/session/session-kinds.ts';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { type GstCamera, playClip, smallClip, startGstCamera } from '../../peers/cameras/camera.ts';
import { publishClip } from '../../peers/clients/publisher.ts';
import { type Namespace, openNamespace } from '../../peers/host/namespace.ts';
import { ffmpegWarnings, packetTimes } from '../../peers/programs/ffmpeg.ts';
import { gstreamerSaid } from '../../peers/programs/gstreamer.ts';
import { byLength, describeWith, inShort } from '../../peers/programs/peers.ts';
import { runProcess } from '../../peers/programs/process.ts';

/** 25 a second. */
const PICTURES = byLength(50, 1_000);
/** The minimum of the clip's pictures in that time. */
const BYTES = PICTURES * 4_500;
const SMALL_MTU_BYTES = 1_280;
/** The network namespaces of our side and the far side. */
const NARROW = [
  ['on our own cable', SMALL_MTU_BYTES, 1_500],
  ['behind a router', 1_500, SMALL_MTU_BYTES],
] as const;

const pathWhen = (agent: Agent, name: string, is: (path: PathStatus) => boolean): Promise<PathStatus> =>
  until(async () => {
    const path = await agent.json<PathStatus>(`/v3/paths/get/${name}`);
    return is(path) ? path : undefined;
  });

/** Plays for a while from now on, and is recorded. */
async function plays(agent: Agent, name: string): Promise<PathStatus> {
  const { bytesReceived } = await pathWhen(agent, name, ({ ready }) => ready);
  const isEnough = (path: PathStatus): boolean =>
    path.ready && path.recording?.active === true && path.bytesReceived > bytesReceived + BYTES;
  return pathWhen(agent, name, isEnough);
}

const filesOf = (agent: Agent, name: string): string[] =>
  globSync(join(agent.dataDir, `recordings/${name}/*.mp4`)).sort();

/** The camera sends two pictures within one tick of the frame rate. */
const OWN_TIMES = ['-enc_time_base:v', '-1'];

async function expectFlawless(agent: Agent, name: string, count: number): Promise<void> {
  expect(filesOf(agent, name)).toHaveLength(count);
  for (const file of filesOf(agent, name)) {
    expect(await ffmpegWarnings(['-i', file, ...OWN_TIMES])).toBe('');
  }
}

/** A camera in another network that serves the clip at each of these paths. */
async function cameraFor(
  paths: readonly string[],
  namespace: Namespace,
  protocols: readonly ('tcp' | 'udp' | 'multicast')[],
): Promise<GstCamera> {
  const clip = playClip(await smallClip(120), true);
  return startGstCamera(Object.fromEntries(paths.map((path) => [`/${path}`, clip])), { namespace, protocols });
}

const pathLine = (name: string, camera: GstCamera, rtspTransport: string): string =>
  `  ${name}: { source: '${camera.url(`/${name}`)}', rtspTransport: ${rtspTransport}, record: yes }\n`;

/** Decodes this many pictures in another network. @returns GStreamer's warnings: none if all is well */
async function readIn(namespace: Namespace, url: string, protocols: string, pictures: number): Promise<string> {
  const source = ['rtspsrc', `location=${url}`, `protocols=${protocols}`, 'latency=200'];
  const decoder = ['rtph264depay', '!', 'h264parse', '!', 'avdec_h264', '!', 'identity', `eos-after=${pictures}`];
  const pipeline = [...source, '!', 'application/x-rtp,media=video', '!', ...decoder, '!', 'fakesink', 'sync=false'];
  const { code, output } = await runProcess('ip', [
    ...['netns', 'exec', namespace.name, 'gst-launch-1.0', '-q', ...pipeline],
  ]);
  return gstreamerSaid(code, output);
}

const sessions = async (agent: Agent): Promise<readonly RtspSessionItem[]> => {
  const { items } = await agent.json<{ items: RtspSessionItem[] }>('/v3/rtspsessions/list');
  return items.filter(({ state }) => state === 'read');
};

/** Starts in all networks; `cam` is for publishers. */
const startEverywhere = (paths = ''): Promise<Agent> =>
  startAgent({ config: `api: yes\npaths:\n  cam:\n${paths}`, host: '0.0.0.0' });

const urlFrom = (agent: Agent, { hostIp }: Namespace): string => agent.rtspUrl('cam').replace('127.0.0.1', hostIp);

describeWith(['ffmpeg', 'gstreamer', 'namespaces'], 'in separate networks', () => {
  test.concurrent('pulls two cameras by multicast, although both send to the same group', async () => {
    await using house = await openNamespace();
    await using barn = await openNamespace();
    await using inHouse = await cameraFor(['house'], house, ['multicast']);
    await using inBarn = await cameraFor(['barn'], barn, ['multicast']);
    await using agent = await startAgent({
      config: `api: yes\npaths:\n${pathLine('house', inHouse, 'multicast')}${pathLine('barn', inBarn, 'multicast')}`,
    });
    for (const name of ['house', 'barn']) {
      const { sourceStatistics } = await plays(agent, name);
      expect(sourceStatistics).toMatchObject({ lost: 0, late: 0, badPackets: 0, jumps: 0 });
    }
    await agent.process.stop('SIGINT');
    for (const name of ['house', 'barn']) {
      await expectFlawless(agent, name, 1);
    }
  });

  test.concurrent('sends multicast to readers in every network', async () => {
    await using house = await openNamespace();
    await using barn = await openNamespace();
    await using agent = await startEverywhere();
    await using _publisher = await publishClip(agent, 'cam', await smallClip(120), { isSilent: true });
    const reading = [house, barn].map((network) => readIn(network, urlFrom(agent, network), 'udp-mcast', PICTURES));
    // On a busy machine one may have ended before the other begins.
    const seen = new Map<string, string | null>();
    await until(async () => {
      for (const { id, transport, outboundRTPPackets } of await sessions(agent)) {
        if (outboundRTPPackets > 0) {
          seen.set(id, transport);
        }
      }
      return seen.size === 2 ? true : undefined;
    });
    expect([...seen.values()]).toEqual(['UDP-multicast', 'UDP-multicast']);
    expect(await Promise.all(reading)).toEqual(['', '']);
  });

  test.concurrent('a camera that loses its address and gets it back is pulled again, by TCP and by UDP', async () => {
    await using network = await openNamespace();
    const transports = ['tcp', 'udp'] as const;
    await using camera = await cameraFor(transports, network, transports);
    const paths = transports.map((transport) => pathLine(transport, camera, transport)).join('');
    await using agent = await startAgent({ config: `api: yes\nreadTimeout: 3s\npaths:\n${paths}` });
    await Promise.all(transports.map((transport) => plays(agent, transport)));
    await network.give(false);
    const isGone = ({ ready, lastError }: PathStatus) => !ready && lastError !== null;
    const gone = await Promise.all(transports.map((transport) => pathWhen(agent, transport, isGone)));
    expect(gone.map(({ lastError }) => lastError)).toEqual([
      "camera of path 'tcp' has sent no media for 3 s",
      "camera of path 'udp' has sent no media for 3 s",
    ]);
    await network.give(true);
    await Promise.all(transports.map((transport) => plays(agent, transport)));
    await agent.process.stop('SIGINT');
    for (const transport of transports) {
      await expectFlawless(agent, transport, 2);
    }
  });

  test.concurrent.for(inShort(NARROW, 'behind a router'))(
    'UDP works through a path with an MTU of 1280 bytes, %s, in both directions',
    async ([, ourMtuBytes, farMtuBytes]) => {
      await using router = await openNamespace({ mtuBytes: ourMtuBytes });
      await using far = await openNamespace({ behind: router, mtuBytes: farMtuBytes });
      await using camera = await cameraFor(['far'], far, ['udp']);
      await using agent = await startEverywhere(pathLine('far', camera, 'udp'));
      await using _publisher = await publishClip(agent, 'cam', await smallClip(120), { isSilent: true });
      expect(await readIn(far, urlFrom(agent, router), 'udp', PICTURES)).toBe('');

      const { sourceStatistics } = await plays(agent, 'far');
      // Packets sent before the sender knows the path MTU.
      expect(sourceStatistics?.lost).toBeLessThan(10);
      await agent.process.stop('SIGINT');
      await expectFlawless(agent, 'far', 1);
      const [file = ''] = filesOf(agent, 'far');
      expect((await packetTimes(file, 'v:0')).length).toBeGreaterThan(PICTURES);
    },
  );
});

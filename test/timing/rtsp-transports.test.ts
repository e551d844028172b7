import { globSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { PathStatus } from '../../agent/paths/path-status.ts';
import { type Agent, startAgent, until } from '../peers/agent/agent.ts';
import { type GstCameraOptions, playClip, smallClip, startGstCamera } from '../peers/cameras/camera.ts';
import { openNamespace } from '../peers/host/namespace.ts';
import { ffmpegWarnings, ffprobe } from '../peers/programs/ffmpeg.ts';
import { byLength, describeWith, inShort } from '../peers/programs/peers.ts';

const SECONDS = byLength(3, 60);

const pathWhen = (agent: Agent, is: (path: PathStatus) => boolean): Promise<PathStatus> =>
  until(async () => {
    const path = await agent.json<PathStatus>('/v3/paths/get/garden');
    return is(path) ? path : undefined;
  });

const config = (url: string, rtspTransport: string): string => `
readTimeout: 5s
api: yes
paths:
  garden:
    source: ${url}
    rtspTransport: ${rtspTransport}
    record: yes
`;

/** Pulls and records for a while; the recording must be complete. @returns the path at the end */
async function pull(options: GstCameraOptions, rtspTransport: string): Promise<PathStatus> {
  const mounts = { '/main': playClip(await smallClip(120), true) };
  await using camera = await startGstCamera(mounts, options);
  await using agent = await startAgent({ config: config(camera.url('/main'), rtspTransport) });
  const enough = SECONDS * 100;
  const path = await pathWhen(agent, ({ sourceStatistics }) => (sourceStatistics?.packets ?? 0) > enough);
  expect(path.tracks).toEqual(['H264', 'MPEG-4 Audio']);
  await agent.process.stop('SIGINT');
  const [recording = ''] = globSync(join(agent.dataDir, 'recordings/garden/*.mp4'));
  const probed = await ffprobe(recording, ['-count_packets']);
  expect(probed.streams.map((stream) => stream.codec_name)).toEqual(['h264', 'aac']);
  expect(await ffmpegWarnings(['-i', recording])).toBe('');
  return path;
}

const NEAR = [
  ['allows everything', ['tcp', 'udp'], 'automatic', 'TCP'],
  ['allows everything, asked for UDP', ['tcp', 'udp'], 'udp', 'UDP'],
  ['refuses TCP', ['udp'], 'automatic', 'UDP'],
] as const;
const FAR = [
  ['is asked for multicast', ['tcp', 'udp', 'multicast'], 'multicast'],
  ['allows nothing but multicast', ['multicast'], 'automatic'],
] as const;
const NOTHING_WRONG = { lost: 0, late: 0, badPackets: 0, jumps: 0 };

describeWith(['ffmpeg', 'gstreamer'], 'a camera of GStreamer', () => {
  test.concurrent.for(inShort(NEAR, 'refuses TCP'))(
    'that %s is pulled and recorded without a flaw',
    async ([, protocols, rtspTransport, transport]) => {
      const path = await pull({ protocols }, rtspTransport);
      expect(path.sourceStatistics).toMatchObject({ transport, ...NOTHING_WRONG });
    },
  );
});

describeWith(['ffmpeg', 'gstreamer', 'namespaces'], 'a camera of GStreamer in another network', () => {
  test.concurrent.for(inShort(FAR, 'allows nothing but multicast'))(
    'that %s is pulled and recorded without a flaw',
    async ([, protocols, rtspTransport]) => {
      await using namespace = await openNamespace();
      const path = await pull({ namespace, protocols }, rtspTransport);
      expect(path.sourceStatistics).toMatchObject({ transport: 'UDP-multicast', ...NOTHING_WRONG });
    },
  );

  test.concurrent('reconnects when its cable is plugged in again', async () => {
    await using namespace = await openNamespace();
    await using camera = await startGstCamera({ '/main': playClip(await smallClip(120)) }, { namespace });
    await using agent = await startAgent({ config: config(camera.url('/main'), 'automatic') });
    await pathWhen(agent, ({ ready }) => ready);
    await namespace.plug(false);
    await pathWhen(agent, ({ ready }) => !ready);
    // Until a connection has failed, so that the camera is looked for.
    await pathWhen(agent, ({ lastError, sourceState }) => sourceState === 'waiting' && /answer/.test(lastError ?? ''));
    await namespace.plug(true);
    await pathWhen(agent, ({ ready }) => ready);
  });
});

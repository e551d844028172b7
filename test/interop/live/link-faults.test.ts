// @also without-ffi in long

import { expect, test } from 'vitest';
import { type Agent, startAgent } from '../../peers/agent/agent.ts';
import { smallClip } from '../../peers/cameras/camera.ts';
import { CountingViewer } from '../../peers/clients/counting-viewer.ts';
import { publishClip } from '../../peers/clients/publisher.ts';
import { type Namespace, openNamespace } from '../../peers/host/namespace.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { runProcess } from '../../peers/programs/process.ts';

const VIEWERS = [
  ['WebRTC', 'webrtcsessions', CountingViewer.overWebRtc],
  ['RTSP over UDP', 'rtspsessions', CountingViewer.overRtsp],
] as const;

/** Restrictions of our interface: bursts are rejected, or segmented by the kernel. */
const SLOWER_LINKS = [
  ['has an MTU of 1,280 bytes', 'ip link set dev IFACE mtu 1280'],
  ['has an MTU that is smaller than a packet', 'ip link set dev IFACE mtu 1000'],
  ['cannot compute checksums', 'ethtool --offload IFACE tx off'],
  ['cannot segment UDP', 'ethtool --offload IFACE tx-udp-segmentation off'],
] as const;

const INTERRUPTIONS = [
  ['is down', 'ip link set dev IFACE down', 'ip link set dev IFACE up'],
  ['has no address', 'ip addr del ADDRESS/24 dev IFACE', 'ip addr add ADDRESS/24 dev IFACE'],
] as const;

const matrixOf = <Case extends readonly string[]>(cases: readonly Case[]) =>
  VIEWERS.flatMap(([viewer, list, open]) => cases.map((one) => [viewer, one[0], { list, open, one }] as const));

async function change({ hostInterface, hostIp }: Namespace, command: string): Promise<void> {
  const [program = '', ...args] = command.replace('IFACE', hostInterface).replace('ADDRESS', hostIp).split(' ');
  expect(await runProcess(program, args)).toMatchObject({ code: 0 });
}

const readersOf = async (agent: Agent, list: string): Promise<string[]> => {
  const { items } = await agent.json<{ items: { id: string; state: string }[] }>(`/v3/${list}/list`);
  return items.filter(({ state }) => state === 'read').map(({ id }) => id);
};

describeWith(['ffmpeg', 'namespaces'], 'a viewer in a separate network', () => {
  test.concurrent.for(matrixOf(SLOWER_LINKS))(
    'over %s gets every packet when the interface %s from now on',
    async ([, , { open, one }]) => {
      await using network = await openNamespace();
      await using agent = await startAgent({ config: 'api: yes\npaths:\n  cam:\n', host: '0.0.0.0' });
      await using _clip = await publishClip(agent, 'cam', await smallClip(120), { isSilent: true, isEndless: true });
      await using viewer = open(agent, network);
      await viewer.receives();
      // A busy viewer may lose packets of the first group.
      const before = viewer.lost;
      await change(network, one[1]);
      await viewer.receives();
      await viewer.receives();
      expect(viewer.lost).toBe(before);
    },
  );

  test.concurrent.for(matrixOf(INTERRUPTIONS))(
    'over %s continues in its session after our interface %s for two seconds',
    async ([, , { list, open, one }]) => {
      await using network = await openNamespace();
      await using agent = await startAgent({ config: 'api: yes\npaths:\n  cam:\n', host: '0.0.0.0' });
      await using _clip = await publishClip(agent, 'cam', await smallClip(120), { isSilent: true, isEndless: true });
      await using viewer = open(agent, network);
      await viewer.receives();
      const before = await readersOf(agent, list);
      expect(before).toHaveLength(1);
      await change(network, one[1]);
      await viewer.stalls();
      await change(network, one[2]);
      await viewer.receives();
      expect(await readersOf(agent, list)).toEqual(before);
    },
  );
});

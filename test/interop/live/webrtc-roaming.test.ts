// @also without-ffi

import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { WebRtcSessionItem } from '../../../agent/servers/webrtc/session/session-kind.ts';
import { type Agent, mediaEverywhere, startAgent, until } from '../../peers/agent/agent.ts';
import { smallClip } from '../../peers/cameras/camera.ts';
import { publishClip } from '../../peers/clients/publisher.ts';
import { type Namespace, openNamespace } from '../../peers/host/namespace.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { type RunningProcess, runProcess, startProcess } from '../../peers/programs/process.ts';

const VIEWER = join(import.meta.dirname, '../../peers/clients/roaming-viewer.ts');
const ENOUGH_PACKETS = 50;

/** Plays from another network, with another implementation's DTLS, SRTP and STUN. */
function startViewer(
  agent: Agent,
  network: Namespace,
  protocol: string,
  host = network.hostIp,
  mediaIp = host,
): RunningProcess & AsyncDisposable {
  const url = `http://${host}:${agent.ports.webrtc}/cam/whep`;
  const args = ['netns', 'exec', network.name, process.execPath, VIEWER, url, protocol, mediaIp];
  const viewer = startProcess('ip', args);
  return Object.assign(viewer, {
    async [Symbol.asyncDispose]() {
      await viewer.stop('SIGKILL');
    },
  });
}

const packetsOf = (viewer: RunningProcess): number => Number(/.*\n(\d+) packets/s.exec(viewer.output())?.[1] ?? 0);

const lostOf = (viewer: RunningProcess): number => Number(/.*\n\d+ packets, (\d+) lost/s.exec(viewer.output())?.[1]);

/** Resolves when the viewer has decrypted a number of further packets. */
async function watches(viewer: RunningProcess): Promise<void> {
  const before = packetsOf(viewer);
  await until(() => (packetsOf(viewer) >= before + ENOUGH_PACKETS ? true : undefined));
}

async function session(agent: Agent): Promise<WebRtcSessionItem> {
  const { items } = await agent.json<{ items: WebRtcSessionItem[] }>('/v3/webrtcsessions/list');
  expect(items).toHaveLength(1);
  return items[0] as WebRtcSessionItem;
}

describeWith(['ffmpeg', 'namespaces'], 'a viewer in a separate network', () => {
  test.concurrent.for([['udp'], ['tcp']] as const)(
    'that gets another address continues over %s, in the same session and with the same keys',
    async ([protocol]) => {
      await using network = await openNamespace();
      await using agent = await startAgent({ config: 'api: yes\npaths:\n  cam:\n', host: '0.0.0.0' });
      await using _publisher = await publishClip(agent, 'cam', await smallClip(120), {
        isSilent: true,
        isEndless: true,
      });
      await using viewer = startViewer(agent, network, protocol);
      await viewer.waitFor(new RegExp(`seen as ${network.ip}:`));
      await watches(viewer);
      const before = await session(agent);
      expect(before.remoteCandidate).toContain(`host/${protocol}/${network.ip}/`);

      const movedIp = await network.move();
      await viewer.waitFor(new RegExp(`seen as ${movedIp}:`));
      await watches(viewer);
      const after = await session(agent);
      expect(after.id).toBe(before.id);
      expect(after.remoteCandidate).toContain(`host/${protocol}/${movedIp}/`);
      expect(after.localCandidate).toBe(`host/${protocol}/${network.hostIp}/${agent.ports.media}`);
    },
  );

  test.concurrent.for([['udp'], ['tcp']] as const)(
    'is answered over %s from the address of its request, although another one of ours is nearer',
    async ([protocol]) => {
      await using network = await openNamespace();
      // RFC 2544 §C.2.2 again; it is removed with the cable.
      const farIp = network.hostIp.replace(/^198\.18/, '198.19');
      expect(await runProcess('ip', ['addr', 'add', `${farIp}/32`, 'dev', network.hostInterface])).toMatchObject({
        code: 0,
      });
      await using agent = await startAgent({ config: 'api: yes\npaths:\n  cam:\n', host: '0.0.0.0' });
      await using _publisher = await publishClip(agent, 'cam', await smallClip(120), {
        isSilent: true,
        isEndless: true,
      });
      await using viewer = startViewer(agent, network, protocol, farIp);
      await watches(viewer);
      expect((await session(agent)).localCandidate).toBe(`host/${protocol}/${farIp}/${agent.ports.media}`);
    },
  );

  test.concurrent.for([
    ['has an MTU of 1,280 bytes', 'ip link set dev IFACE mtu 1280'],
    ['has an MTU that is smaller than a packet', 'ip link set dev IFACE mtu 1000'],
    ['cannot compute checksums', 'ethtool --offload IFACE tx off'],
    ['cannot segment UDP', 'ethtool --offload IFACE tx-udp-segmentation off'],
  ] as const)('gets every packet when the interface %s from now on', async ([, command]) => {
    await using network = await openNamespace();
    await using agent = await startAgent({ config: 'api: yes\npaths:\n  cam:\n', host: '0.0.0.0' });
    await using _publisher = await publishClip(agent, 'cam', await smallClip(120), { isSilent: true, isEndless: true });
    await using viewer = startViewer(agent, network, 'udp');
    await watches(viewer);
    const [program = '', ...args] = command.replace('IFACE', network.hostInterface).split(' ');
    expect(await runProcess(program, args)).toMatchObject({ code: 0 });
    await watches(viewer);
    await watches(viewer);
    expect(lostOf(viewer)).toBe(0);
  });

  test.concurrent('plays over IPv6', async () => {
    await using network = await openNamespace();
    const { name, hostInterface, farInterface } = network;
    const [near, far] = ['fd18::1', 'fd18::2'];
    for (const words of [
      ['addr', 'add', `${near}/64`, 'dev', hostInterface],
      ['-n', name, 'addr', 'add', `${far}/64`, 'dev', farInterface],
    ]) {
      expect(await runProcess('ip', [...words, 'nodad'])).toMatchObject({ code: 0 });
    }
    await using agent = await startAgent({
      config: 'api: yes\npaths:\n  cam:\n',
      host: '0.0.0.0',
      listen: mediaEverywhere,
    });
    await using _publisher = await publishClip(agent, 'cam', await smallClip(120), { isSilent: true, isEndless: true });
    await using viewer = startViewer(agent, network, 'udp', network.hostIp, near);
    await watches(viewer);
    expect((await session(agent)).remoteCandidate).toContain(far);
  });
});

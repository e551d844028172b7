// @also without-ffi in long

import { expect, test } from 'vitest';
import type { WebRtcSessionItem } from '../../../agent/servers/webrtc/session/session-kind.ts';
import { type Agent, mediaEverywhere, startAgent } from '../../peers/agent/agent.ts';
import { smallClip } from '../../peers/cameras/camera.ts';
import { CountingViewer } from '../../peers/clients/counting-viewer.ts';
import { publishClip } from '../../peers/clients/publisher.ts';
import { openNamespace } from '../../peers/host/namespace.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { runProcess } from '../../peers/programs/process.ts';

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
      await using viewer = CountingViewer.overWebRtc(agent, network, protocol);
      await viewer.process.waitFor(new RegExp(`seen as ${network.ip}:`));
      await viewer.receives();
      const before = await session(agent);
      expect(before.remoteCandidate).toContain(`host/${protocol}/${network.ip}/`);

      const movedIp = await network.move();
      await viewer.process.waitFor(new RegExp(`seen as ${movedIp}:`));
      await viewer.receives();
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
      await using viewer = CountingViewer.overWebRtc(agent, network, protocol, farIp);
      await viewer.receives();
      expect((await session(agent)).localCandidate).toBe(`host/${protocol}/${farIp}/${agent.ports.media}`);
    },
  );

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
    await using viewer = CountingViewer.overWebRtc(agent, network, 'udp', network.hostIp, near);
    await viewer.receives();
    expect((await session(agent)).remoteCandidate).toContain(far);
  });
});

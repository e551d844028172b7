// @also without-ffi in long

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { freeUdpPair } from '../../../test/support/base/free-port.ts';
import { lastCaller, Run, url } from '../../../test/support/cameras/rtsp-run.ts';
import { type Script, scriptedCamera } from '../../../test/support/cameras/scripted-camera.ts';
import { soundFrom } from '../../../test/support/cameras/udp-camera.ts';

const GROUP = '239.255.77.1';

const answering =
  (transport: string, onPlay: () => void = () => {}): Script =>
  (request, caller) => {
    if (request.method === 'SETUP') {
      caller.reply(request, 200, [
        ['Session', '4711'],
        ['Transport', transport],
      ]);
      return true;
    }
    if (request.method !== 'PLAY') {
      return undefined;
    }
    caller.reply(request, 200);
    onPlay();
    return true;
  };

test('audio of a multicast group is received, and stopping leaves the group', async () => {
  const [rtp, rtcp] = await freeUdpPair();
  const sender = createSocket('udp4');
  sender.bind(0, '127.0.0.1');
  await once(sender, 'listening');
  sender.setMulticastInterface('127.0.0.1');
  const send = () => {
    for (const packet of soundFrom(0, 5)) {
      sender.send(packet, rtp, GROUP);
    }
  };
  const transport = `RTP/AVP;multicast;destination=${GROUP};port=${rtp}-${rtcp};ttl=1`;
  await using camera = await scriptedCamera(answering(transport, send));
  {
    await using run = new Run(url(camera), { rtspTransport: 'multicast' });
    await run.sampled(5);
    const setup = lastCaller(camera).requests.find(({ method }) => method === 'SETUP');
    expect(setup?.headers.get('Transport')).toBe('RTP/AVP;multicast');
    expect(run.samples.map(({ sample }) => sample.pts)).toEqual([0, 160, 320, 480, 640]);
    expect(run.source.statistics).toMatchObject({ transport: 'UDP-multicast', packets: 5 });
  }
  expect(lastCaller(camera).methods.at(-1)).toBe('TEARDOWN');
  sender.close();
  // The port can be bound exclusively.
  const alone = createSocket('udp4');
  alone.bind(rtp, GROUP);
  await once(alone, 'listening');
  alone.close();
});

test.for([
  ['no group', 'RTP/AVP;multicast;port=5000-5001', 'names no multicast group and port'],
  ['no port', 'RTP/AVP;multicast;destination=239.1.1.1', 'names no multicast group and port'],
  ['unicast', 'RTP/AVP;unicast;destination=239.1.1.1;port=5000-5001', 'names no multicast group and port'],
  [
    'an address of one machine',
    'RTP/AVP;multicast;destination=10.0.0.1;port=5000-5001',
    "'10.0.0.1', which is not a multicast group",
  ],
  [
    'a name',
    'RTP/AVP;multicast;destination=group.local;port=5000-5001',
    "'group.local', which is not a multicast group",
  ],
] as const)('a multicast reply with %s is rejected with the reason', async ([, transport, reason]) => {
  await using camera = await scriptedCamera(answering(transport));
  await using run = new Run(url(camera), { rtspTransport: 'multicast' });
  expect(await run.failure()).toContain(reason);
});

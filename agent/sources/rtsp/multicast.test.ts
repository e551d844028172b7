import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { NetworkInterfaceInfo } from 'node:os';
import { expect, test } from 'vitest';
import { freeUdpPair } from '../../../test/support/base/free-port.ts';
import { lastCaller, Run, url } from '../../../test/support/cameras/rtsp-run.ts';
import { type Script, scriptedCamera } from '../../../test/support/cameras/scripted-camera.ts';
import { soundFrom } from '../../../test/support/cameras/udp-camera.ts';
import { interfacesTowards } from './transport/udp-ports.ts';

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

const v4 = (address: string, bits: number, internal = false): NetworkInterfaceInfo => ({
  address,
  cidr: `${address}/${bits}`,
  family: 'IPv4',
  internal,
  mac: '00:00:00:00:00:00',
  netmask: '',
});
const v6 = (address: string, bits: number, internal = false): NetworkInterfaceInfo => ({
  ...v4(address, bits, internal),
  family: 'IPv6',
  scopeid: 0,
});

const HOST = {
  lo: [v4('127.0.0.1', 8, true), v6('::1', 128, true)],
  eth0: [v4('192.168.1.5', 24), v6('fe80::5', 64)],
  eth1: [v4('10.0.0.5', 16), v6('fd00:1::5', 64), v6('fe80::6', 64)],
};

test.for<[who: string, ip: string, family: 4 | 6, joined: readonly string[]]>([
  ['on one of its networks is listened for there', '10.0.77.7', 4, ['10.0.0.5']],
  ['behind a router is listened for outside', '172.16.0.1', 4, ['192.168.1.5', '10.0.0.5']],
  ['on the machine itself is listened for everywhere', '192.168.1.5', 4, ['127.0.0.1', '192.168.1.5', '10.0.0.5']],
  ['on loopback is listened for everywhere', '127.0.0.1', 4, ['127.0.0.1', '192.168.1.5', '10.0.0.5']],
  ['with IPv6 is listened for by the name of the interface', 'fd00:1::77', 6, ['::%eth1']],
  ['with a link-local address is listened for on each link', 'fe80::77', 6, ['::%eth0', '::%eth1']],
])('a group of a camera %s', ([, ip, family, joined]) => {
  expect(interfacesTowards(ip, family, HOST)).toEqual(joined);
});

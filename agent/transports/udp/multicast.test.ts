import type { NetworkInterfaceInfo } from 'node:os';
import { expect, test } from 'vitest';
import { interfacesTowards } from './multicast.ts';

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

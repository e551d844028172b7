import type { NetworkInterfaceInfo } from 'node:os';
import { expect, test } from 'vitest';
import { probeAddresses } from './interfaces.ts';

const ipv4 = (cidr: string, internal = false): NetworkInterfaceInfo => ({
  address: cidr.split('/')[0] ?? '',
  netmask: '255.255.255.0',
  family: 'IPv4',
  mac: '00:00:00:00:00:00',
  internal,
  cidr,
});
const ipv6: NetworkInterfaceInfo = { ...ipv4('10.0.0.1/24'), address: 'fd00::1', family: 'IPv6', scopeid: 0 };
const INTERFACES = {
  lo: [ipv4('127.0.0.1/8', true)],
  eth0: [ipv4('192.168.1.2/24'), ipv6, ipv4('169.254.7.7/16')],
  'eth0.20': [ipv4('10.20.0.1/16')],
  'br-lan': [ipv4('192.168.9.1/24')],
  docker0: [ipv4('172.17.0.1/16')],
  'br-0123456789ab': [ipv4('172.18.0.1/16')],
  wg0: [ipv4('10.9.0.1/24')],
  wlan0: [ipv4('169.254.1.1/16')],
};

test('every IPv4 address of a real network is probed from; bridges of containers, tunnels and link-local are not', () => {
  const addresses = probeAddresses(INTERFACES, false).map(({ address }) => address);
  expect(addresses).toEqual(['192.168.1.2', '10.20.0.1', '192.168.9.1']);
});

test('loopback only when it is asked for', () => {
  expect(probeAddresses(INTERFACES, true)[0]).toEqual({ name: 'lo', address: '127.0.0.1', prefixBits: 8 });
});

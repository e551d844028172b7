import type { NetworkInterfaceInfo } from 'node:os';
import { expect, test } from 'vitest';
import { ownNetworks, probeAddresses } from './interfaces.ts';

const ipv4 = (cidr: string, internal = false): NetworkInterfaceInfo => ({
  address: cidr.split('/')[0] ?? '',
  netmask: '255.255.255.0',
  family: 'IPv4',
  mac: '00:00:00:00:00:00',
  internal,
  cidr,
});
const ipv6 = (cidr: string, internal = false): NetworkInterfaceInfo => ({
  ...ipv4(cidr, internal),
  family: 'IPv6',
  scopeid: 2,
});
const INTERFACES = {
  lo: [ipv4('127.0.0.1/8', true), ipv6('::1/128', true)],
  eth0: [ipv4('192.168.1.2/24'), ipv6('fd00::1/64'), ipv6('fe80::1/64'), ipv4('169.254.7.7/16')],
  'eth0.20': [ipv4('10.20.0.1/16')],
  'br-lan': [ipv4('192.168.9.1/24')],
  docker0: [ipv4('172.17.0.1/16'), ipv6('fe80::2/64')],
  'br-0123456789ab': [ipv4('172.18.0.1/16')],
  wg0: [ipv4('10.9.0.1/24')],
  wlan0: [ipv4('169.254.1.1/16')],
};
const addresses = (choice: Parameters<typeof probeAddresses>[1]) =>
  probeAddresses(INTERFACES, choice).map(({ address }) => address);

test('probes are sent from each address of a real network, not from container bridges, tunnels or self-assigned IPv4 addresses', () => {
  expect(addresses({})).toEqual(['192.168.1.2', '10.20.0.1', '192.168.9.1', 'fe80::1']);
});

test('an IPv6 address knows the IPv4 networks of its cable', () => {
  expect(probeAddresses(INTERFACES, {}).at(-1)).toEqual({
    name: 'eth0',
    family: 'IPv6',
    address: 'fe80::1',
    prefixBits: 64,
    networks: [
      { address: '192.168.1.2', prefixBits: 24 },
      { address: '169.254.7.7', prefixBits: 16 },
    ],
  });
});

test('internal interfaces are not networks of the machine', () => {
  expect(ownNetworks().some(({ address }) => address.startsWith('127.'))).toBe(false);
  expect(ownNetworks(true).some(({ address }) => address.startsWith('127.'))).toBe(true);
});

test('loopback is included on request only', () => {
  expect(addresses({ includeLoopback: true })[0]).toBe('127.0.0.1');
  const networksOf = (choice: Parameters<typeof probeAddresses>[1]) =>
    probeAddresses(INTERFACES, choice).find(({ name }) => name === 'br-lan')?.networks;
  const own = { address: '192.168.9.1', prefixBits: 24 };
  expect(networksOf({})).toEqual([own]);
  expect(networksOf({ includeLoopback: true })).toEqual([own, { address: '127.0.0.1', prefixBits: 8 }]);
});

test('only the named interfaces are used, tunnels too', () => {
  expect(addresses({ only: ['wg0', 'eth0.20'] })).toEqual(['10.20.0.1', '10.9.0.1']);
});

test('at most 32 addresses send probes, those of IPv4 first', () => {
  const addressesOf = (i: number) => [ipv6(`fe80::${i}/64`), ipv4(`10.0.${i}.1/24`)];
  const many = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`eth${i}`, addressesOf(i)]));
  expect(probeAddresses(many(100), {})).toHaveLength(32);
  const families = probeAddresses(many(30), {}).map(({ family }) => family);
  expect(families).toEqual([...Array.from({ length: 30 }, () => 'IPv4'), 'IPv6', 'IPv6']);
});

import type { NetworkInterfaceInfo } from 'node:os';
import { expect, test } from 'vitest';
import { localLinks } from './local-links.ts';

const ipv4 = (address: string, more: Partial<NetworkInterfaceInfo> = {}): NetworkInterfaceInfo =>
  ({ address, cidr: `${address}/24`, family: 'IPv4', internal: false, ...more }) as NetworkInterfaceInfo;
const ipv6 = (address: string): NetworkInterfaceInfo =>
  ({ address, cidr: `${address}/64`, family: 'IPv6', internal: false, scopeid: 2 }) as NetworkInterfaceInfo;

test('cable and Wi-Fi have a link for each family, and announce addresses of both', () => {
  const links = localLinks({
    eth0: [ipv4('192.0.2.5'), ipv6('fe80::5'), ipv6('2001:db8::5')],
    wlan0: [ipv4('198.51.100.5')],
  });
  expect(links.map(({ key, addresses }) => [key, ...addresses])).toEqual([
    ['eth0 IPv4', '192.0.2.5', '2001:db8::5'],
    ['eth0 IPv6', '192.0.2.5', '2001:db8::5'],
    ['wlan0 IPv4', '198.51.100.5'],
  ]);
});

test('loopback, container bridges and tunnels are not local networks', () => {
  const away = ['docker0', 'br-0123456789ab', 'veth1234', 'wg0', 'tun0', 'tailscale0'].map((name) => [
    name,
    [ipv4('203.0.113.5'), ipv6('fe80::7')],
  ]);
  expect(localLinks({ ...Object.fromEntries(away), lo: [ipv4('127.0.0.1', { internal: true })] })).toEqual([]);
});

test('link-local addresses are announced only if no others exist', () => {
  const [link] = localLinks({ eth0: [ipv4('169.254.7.7'), ipv6('fe80::5')] });
  expect(link?.addresses).toEqual(['169.254.7.7', 'fe80::5']);
});

test.for([
  ['IPv4', '192.0.2.77', true],
  ['IPv4', '192.0.3.77', false],
  ['IPv4', '8.8.8.8', false],
  ['IPv6', 'fe80::99%eth0', true],
  ['IPv6', 'fe80::99%eth1', false],
  ['IPv6', '2001:db8::99', true],
  ['IPv6', '2001:db8:1::99', false],
] as const)('of %s a packet from %s is of this network: %s', ([family, from, isNear]) => {
  const links = localLinks({ eth0: [ipv4('192.0.2.5'), ipv6('fe80::5'), ipv6('2001:db8::5')] });
  expect(links.find((link) => link.family === family)?.isNear(from)).toBe(isNear);
});

test('a machine with a hundred interfaces has sixteen links', () => {
  const many = Array.from({ length: 100 }, (_, i) => [`eth${i}`, [ipv4(`10.0.${i}.1`)]]);
  expect(localLinks(Object.fromEntries(many))).toHaveLength(16);
});

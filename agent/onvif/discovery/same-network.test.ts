import type { NetworkInterfaceInfo } from 'node:os';
import { expect, test } from 'vitest';
import { isInNetworkOf } from './interfaces.ts';

const on = (address: string, cidr: string): NetworkInterfaceInfo => {
  const family = address.includes(':') ? { family: 'IPv6' as const, scopeid: 2 } : { family: 'IPv4' as const };
  return { address, cidr, netmask: '', mac: '', internal: false, ...family };
};
const INTERFACES = {
  eth0: [on('192.168.1.5', '192.168.1.5/24'), on('fe80::5', 'fe80::5/64')],
  eth1: [on('10.0.0.5', '10.0.0.5/24')],
};

test.for([
  ['192.168.1.20', '192.168.1.5', true],
  ['192.168.1.20', 'fe80::5', true],
  ['192.168.1.20', '10.0.0.5', false],
  ['fe80::20%eth1', '10.0.0.5', true],
  ['fe80::20%eth1', '192.168.1.5', false],
  // Behind a new router, all addresses have changed.
  ['172.16.0.9', '10.0.0.5', true],
] as const)('a camera of %s that is found from %s is where it was: %s', ([old, foundFrom, is]) => {
  expect(isInNetworkOf(old, foundFrom, INTERFACES)).toBe(is);
});

import { expect, test } from 'vitest';
import { portsOf } from './camera-network.tsx';

const PORTS = [{ name: 'eth0', mac: '02:00:00:00:00:01', connected: true, obstacle: 'defaultRoute' as const }];

test('the chosen port is listed while its adapter is unplugged, so that it can be turned off', () => {
  expect(portsOf({ ports: PORTS, interface: 'eth1' })).toEqual([
    ...PORTS,
    { name: 'eth1', mac: '', connected: false, obstacle: null },
  ]);
});

test('other ports are those of the box', () => {
  expect(portsOf({ ports: PORTS, interface: null })).toBe(PORTS);
  expect(portsOf({ ports: PORTS, interface: 'eth0' })).toBe(PORTS);
});

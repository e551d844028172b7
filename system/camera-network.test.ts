import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import {
  cameraNetworkAddress,
  defaultRoutes,
  ethernetPorts,
  isInCameraNetwork,
  missingPackages,
  parseLeases,
  parseNetworkState,
  parseReleases,
} from './camera-network.ts';

const ROUTE = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth1\t0053530A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
`;
const NONE = '0'.repeat(32);
const ROUTE6 = `${NONE} 00 ${NONE} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003    wlan0
${NONE} 00 ${NONE} 00 ${NONE} ffffffff 00000001 00000000 00200200       lo
fe800000000000000000000000000000 40 ${NONE} 00 ${NONE} 00000100 00000001 00000000 00000001     eth1
`;

function folder(): string {
  const root = mkdtempSync(join(tmpdir(), 'perch-ports-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  return root;
}

test('default routes are those of IPv4 and IPv6, without the rejecting one', () => {
  expect([...defaultRoutes(ROUTE, ROUTE6)]).toEqual(['eth0', 'wlan0']);
  expect([...defaultRoutes('', '')]).toEqual([]);
});

test("the box's address in the network for cameras, and who is in it", () => {
  const root = folder();
  expect(cameraNetworkAddress(root)).toBeUndefined();
  const write = (fault: string) =>
    writeFileSync(join(root, 'camera-network'), JSON.stringify({ interface: 'eth1', address: '10.83.83.1', fault }));
  write('');
  expect(cameraNetworkAddress(root)).toBe('10.83.83.1');
  write('there is no such port');
  expect(cameraNetworkAddress(root)).toBeUndefined();
  expect(
    ['10.83.83.20', '10.83.84.20', '10.83.8', 'fe80::1', 'door'].filter((host) =>
      isInCameraNetwork(host, '10.83.83.1'),
    ),
  ).toEqual(['10.83.83.20']);
  expect(isInCameraNetwork('10.83.83.20', undefined)).toBe(false);
});

test('ports are Ethernet, with the reason why one cannot be for cameras', async () => {
  const root = folder();
  writeFileSync(join(root, 'route'), ROUTE);
  const port = (name: string, type: number, ...has: readonly string[]) => {
    for (const one of has) {
      mkdirSync(join(root, 'sys', name, one), { recursive: true });
    }
    mkdirSync(join(root, 'sys', name), { recursive: true });
    writeFileSync(join(root, 'sys', name, 'type'), `${type}\n`);
    writeFileSync(join(root, 'sys', name, 'address'), '02:00:00:00:00:01\n');
    writeFileSync(join(root, 'sys', name, 'carrier'), '1\n');
  };
  port('eth0', 1, 'device');
  port('eth1', 1, 'device');
  port('eth2', 1, 'device', 'master');
  port('wlan0', 1, 'device', 'wireless');
  port('veth1', 1, 'master');
  port('docker0', 1, 'bridge');
  port('wg0', 65_534);
  port('lo', 772);
  const ports = await ethernetPorts(join(root, 'sys'), root);
  expect(ports.map(({ name, obstacle }) => [name, obstacle])).toEqual([
    ['eth0', 'defaultRoute'],
    ['eth1', undefined],
    ['eth2', 'bridge'],
    ['wlan0', 'wifi'],
  ]);
  expect(ports[1]).toMatchObject({ mac: '02:00:00:00:00:01', isConnected: true });
});

test('packages are missing until one of their programs is there', () => {
  const root = folder();
  expect(missingPackages([root])).toEqual(['dnsmasq-base', 'nftables', 'udhcpc']);
  for (const program of ['dnsmasq', 'busybox', 'nft']) {
    writeFileSync(join(root, program), '');
  }
  expect(missingPackages([root])).toEqual([]);
});

test('a state is what the service writes', () => {
  const state = { interface: 'eth1', address: '10.83.83.1', fault: '' };
  expect(parseNetworkState(JSON.stringify(state))).toEqual({ ...state, fault: undefined });
  for (const text of ['', 'null', '{}', JSON.stringify({ ...state, address: 'x' }), '{"interface":1}']) {
    expect(parseNetworkState(text)).toBeUndefined();
  }
});

test('of leases only whole lines of IPv4 count, and a name is plain', () => {
  const text = `1795616036 1e:84:34:1c:93:24 10.83.83.233 cam-1 01:1e:84:34:1c:93:24
1795616036 1e:84:34:1c:93:25 10.83.83.234 * *
1795616036 1e:84:34:1c:93:26 10.83.83.235 <b>x</b> *
duid 00:01:00:01
1795616036 1e:84`;
  expect(parseLeases(text).map(({ mac, name }) => [mac.slice(-2), name])).toEqual([
    ['24', 'cam-1'],
    ['25', undefined],
    ['26', undefined],
  ]);
});

test('releases are lines of a MAC address, an address and a time', () => {
  expect(parseReleases('1e:84:34:1c:93:24 10.83.83.233 1795616042\nx y z\n')).toEqual([
    { mac: '1e:84:34:1c:93:24', untilS: 1_795_616_042 },
  ]);
});

test('no bytes of these files are an exception', () => {
  let seed = 3;
  const random = () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed;
  };
  const line = '1795616036 1e:84:34:1c:93:24 10.83.83.233 cam-1 *\n{"interface":"eth1","address":"1.2.3.4","fault":""}';
  for (let i = 0; i < 3_000; i += 1) {
    const text = [...line].map((one) => (random() % 20 === 0 ? String.fromCharCode(random() % 256) : one)).join('');
    parseLeases(text);
    parseReleases(text);
    parseNetworkState(text);
    defaultRoutes(text, text);
  }
});

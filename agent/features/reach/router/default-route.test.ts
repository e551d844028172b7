import { expect, test } from 'vitest';
import { parseDefaultRoute, parseDefaultRoute6, readDefaultRoute } from './default-route.ts';
import { verdictOf } from './find-router.ts';

const HEAD = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n';
const LINES = {
  wifi: 'wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n',
  cable: 'eth0\t00000000\t014DA8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n',
  net: 'eth0\t004DA8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n',
  tunnel: 'ppp0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n',
};

test('the router is that of the default route with the lowest metric', () => {
  expect(parseDefaultRoute(HEAD + LINES.wifi + LINES.cable + LINES.net)).toEqual({
    interface: 'eth0',
    gateway: '192.168.77.1',
  });
});

test('a default route without a router, no route and nonsense are none', () => {
  expect(parseDefaultRoute(HEAD + LINES.tunnel + LINES.net)).toBeUndefined();
  expect(parseDefaultRoute('')).toBeUndefined();
  expect(parseDefaultRoute('a b\n00000000 00000000 \0\0\n')).toBeUndefined();
});

const info = (address: string, cidr: string) =>
  ({ family: 'IPv4', address, cidr, netmask: '', mac: '', internal: false }) as const;

test("the box's own address is the one in the router's network", async () => {
  const interfaces = { eth0: [info('10.9.9.9', '10.9.9.9/24'), info('192.168.77.2', '192.168.77.2/24')] };
  const read = async () => HEAD + LINES.cable;
  expect(await readDefaultRoute(read, interfaces)).toEqual({
    interface: 'eth0',
    gateway: '192.168.77.1',
    own: '192.168.77.2',
  });
  expect(await readDefaultRoute(read, {})).toBeUndefined();
  const missing = async () => Promise.reject(new Error('ENOENT'));
  expect(await readDefaultRoute(missing, interfaces)).toBeUndefined();
});

test.for([
  ['93.184.216.7', 'public'],
  ['100.64.0.1', 'carrier'],
  ['100.127.255.254', 'carrier'],
  ['100.128.0.1', 'public'],
  ['192.0.0.2', 'carrier'],
  ['192.168.0.10', 'private'],
  ['10.1.2.3', 'private'],
  ['172.20.0.5', 'private'],
  ['0.0.0.0', 'offline'],
  [undefined, 'unknown'],
  ['not an address', 'unknown'],
] as const)('a router whose outside address is %s: %s', ([ip, verdict]) => {
  expect(verdictOf(ip)).toBe(verdict);
});

/** Of Linux 6.1, behind a router that announces itself. */
const ROUTES6 = [
  '20010db8007700000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001 eth0',
  '00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe80000000000000a8bf38fffe840c89 00000400 00000001 00000000 00450003 eth0',
  '00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000100 00000001 00000000 00000003 eth1',
  '00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200 lo',
];
const ADDRESSES6 = [
  '00000000000000000000000000000001 01 80 10 80 lo',
  'fe8000000000000008d629fffe5eb929 02 40 20 80 eth0',
  '2a01048800770000aaaa000000000002 02 40 00 01 eth0',
  '2a014880077000000000000000000003 02 40 00 20 eth0',
  'fd000000000000000000000000000002 02 40 00 80 eth0',
  '2a014880077000000000000000000002 02 40 00 00 eth0',
];

test('by IPv6 the router has its zone, and the address of this box is one that lasts', () => {
  const own = ADDRESSES6.join('\n');
  const [net = '', announced = '', other = '', lo = ''] = ROUTES6;
  expect(parseDefaultRoute6([net, announced, lo].join('\n'), own)).toEqual({
    interface: 'eth0',
    gateway: 'fe80::a8bf:38ff:fe84:c89%eth0',
    own: '2a01:4880:770::2',
  });
  // The other router is preferred, and has no public address on its side.
  expect(parseDefaultRoute6([announced, other].join('\n'), own)).toBeUndefined();
  expect(parseDefaultRoute6([net, lo].join('\n'), own)).toBeUndefined();
  expect(parseDefaultRoute6(announced, ADDRESSES6.slice(0, 3).join('\n'))?.own).toBe('2a01:488:77:0:aaaa::2');
  expect(parseDefaultRoute6('', 'x\0')).toBeUndefined();
});

import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import {
  canonicalIp,
  endpointOf,
  IpList,
  isLoopbackIp,
  isPrivateIp,
  networksOf,
  shownPeer,
  subscriberOf,
  withoutZone,
  zonedUrl,
  zoneOf,
} from './ip-address.ts';

test.for([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['0:0:0:0:0:ffff:7f00:1', '127.0.0.1'],
  ['2001:DB8:0:0::1', '2001:db8::1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['192.0.2', undefined],
  ['localhost', undefined],
  ['', undefined],
] as const)('%s is written %s', ([text, canonical]) => {
  expect(canonicalIp(text)).toBe(canonical);
});

test.for([
  ['::ffff:192.0.2.1', 4_000, '192.0.2.1:4000', '192.0.2.1'],
  ['2001:DB8::1', 554, '[2001:db8::1]:554', '2001:db8::1'],
  ['camera.local', 554, 'camera.local:554', 'camera.local'],
] as const)('a peer at %s, port %i, is shown as %s and read from there', ([address, port, shown, ip]) => {
  expect(shownPeer(address, port)).toBe(shown);
  expect(endpointOf(shown)).toEqual({ ip, port });
});

test.for([
  ['127.0.0.1', true, true],
  ['127.8.9.10', true, true],
  ['::1', true, true],
  ['10.1.2.3', false, true],
  ['172.31.255.255', false, true],
  ['172.32.0.0', false, false],
  ['192.168.1.20', false, true],
  ['169.254.7.7', false, true],
  ['fd12:3456::1', false, true],
  ['fe80::1', false, true],
  ['100.64.0.1', false, false],
  ['8.8.8.8', false, false],
  ['2001:db8::1', false, false],
  ['', false, false],
] as const)('%s: loopback %s, private %s', ([ip, isLoopback, isPrivate]) => {
  expect([isLoopbackIp(ip), isPrivateIp(ip)]).toEqual([isLoopback, isPrivate]);
});

test('a list knows its addresses and subnets and says which entries it could not read', () => {
  const list = new IpList([
    '192.168.0.0/24',
    '::1',
    '2001:db8::/32',
    'router',
    '10.0.0.0/33',
    '1.2.3.4/8/8',
    '1.2.3.4/x',
  ]);
  expect(['192.168.0.255', '::1', '2001:db8:7::1'].map((ip) => list.has(ip))).toEqual([true, true, true]);
  expect(['192.168.1.0', '::2', '10.0.0.1', '1.2.3.4', 'router', ''].map((ip) => list.has(ip))).toEqual(
    Array(6).fill(false),
  );
  expect(list.invalid).toEqual(['router', '10.0.0.0/33', '1.2.3.4/8/8', '1.2.3.4/x']);
});

test('an IPv6 subnet has no IPv4 addresses in it', () => {
  expect(['::/0', '::1/64'].map((subnet) => new IpList([subnet]).has('192.0.2.1'))).toEqual([false, false]);
  expect(new IpList(['::/0']).has('2001:db8::1')).toBe(true);
});

const OWN = networksOf({
  eth0: [
    {
      address: '2001:db8:0:7:a:b:c:d',
      netmask: 'ffff:ffff:ffff:ffff::',
      family: 'IPv6',
      mac: '',
      internal: false,
      cidr: null,
      scopeid: 0,
    },
    { address: '192.168.1.9', netmask: '255.255.255.0', family: 'IPv4', mac: '', internal: false, cidr: null },
  ],
});

test.for([
  ['192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:db8:0:7::1', '2001:db8:0:7::1'],
  ['2001:db8:0:7:1:2:3:4', '2001:db8:0:7:1:2:3:4'],
  ['2001:db8:0:8::1', '2001:db8:0:8::/64'],
  ['::1', '::1'],
  ['fe80::1', 'fe80::1'],
  ['fd00:1:2:3::4', 'fd00:1:2:3::4'],
] as const)('the subscriber of %s is %s', ([ip, subscriber]) => {
  expect(subscriberOf(ip, () => OWN)).toBe(subscriber);
});

test('any text is parsed as an address or rejected', () => {
  const next = random(11);
  const letters = '0123456789abcdef:.%/[] g';
  for (let i = 0; i < 20_000; i += 1) {
    const text = Array.from({ length: next() * 24 }, () => letters[Math.floor(next() * letters.length)]).join('');
    const ip = canonicalIp(text);
    if (ip !== undefined) {
      expect(canonicalIp(ip)).toBe(ip);
    }
    expect(new IpList([text]).has('8.8.8.8')).toBe(false);
    expect(() => subscriberOf(text)).not.toThrow();
  }
});

test.for([
  ['http://[fe80::1%25eth0]:8000/onvif?x=]', 'http://[fe80::1]:8000/onvif?x=]', 'eth0'],
  ['rtsp://[fe80::a1%br-lan.5]/main', 'rtsp://[fe80::a1]/main', 'br-lan.5'],
  ['rtsp://me:p%25w@[FE80::1%25eth0]/', 'rtsp://me:p%25w@[FE80::1]/', 'eth0'],
  ['rtsp+http://[fe80::1%252]:80/1', 'rtsp+http://[fe80::1]:80/1', '2'],
] as const)('%s has a zone, which can be taken away and put back', ([url, plain, zone]) => {
  expect(withoutZone(url)).toBe(plain);
  expect(zoneOf(url)).toBe(zone);
  const again = zonedUrl(new URL(plain), zone);
  expect(withoutZone(again)).toBe(new URL(plain).href);
  expect(zoneOf(again)).toBe(zone);
});

test.for([
  'http://192.168.1.2/onvif',
  'http://[fd00::1]/onvif',
  'http://[fd00::1%25eth0]/',
  'http://10.0.0.1/[fe80::1%25eth0]/',
  'http://[fe80::1%25eth0/x]/',
])('%s has no zone', (url) => {
  expect(withoutZone(url)).toBe(url);
  expect(zoneOf(url)).toBeUndefined();
});

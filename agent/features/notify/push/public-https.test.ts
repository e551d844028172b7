import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { decode, encode } from 'dns-packet';
import { expect, onTestFinished, test } from 'vitest';
import { openPushService } from '../../../../test/features/notify/support/push-service.ts';
import { addressesOf, checkHttpsUrl, isRemotePublicIp, PublicHttps } from './public-https.ts';

const body = new Uint8Array();
const request = (url: string) => ({ url, body, headers: {} });

test.for([
  'http://push.example.com/1',
  'https://user:secret@push.example.com/',
  'file:///etc/passwd',
  'push.example.com',
  `https://push.example.com/${'x'.repeat(2_048)}`,
])('%s is no endpoint', (url) => {
  expect(() => checkHttpsUrl(url)).toThrow('the endpoint is not an https address');
});

test.for([
  '127.0.0.1',
  '10.1.2.3',
  '192.168.1.1',
  '169.254.169.254',
  '100.64.0.1',
  '0.0.0.0',
  '[::1]',
  '[fd00::1]',
  '[fe80::1]',
  '[::ffff:192.168.1.1]',
  '[64:ff9b:1::c0a8:101]',
  '[2002:c0a8:101::1]',
  '[2001:0:1::1]',
  '2130706433',
])('nothing is sent to %s', async (host) => {
  const refused = new PublicHttps().post(request(`https://${host}/`));
  await expect(refused).rejects.toMatchObject({ code: 'unsupported' });
});

test('nothing is sent to another port than that of https', async () => {
  await using service = await openPushService();
  const { port, ...https } = service.https;
  const refused = new PublicHttps(https).post(request(service.subscription.endpoint));
  await expect(refused).rejects.toThrow(`the endpoint has the port ${port}: push services have 443`);
});

test.for([
  ['2a00:1450:4001:80e::200e', true],
  // The address of this box, one in its network, and one in another network of the home.
  ['2a02:8070:d1c2:4a01::5', false],
  ['2a02:8070:d1c2:4a01:21b:21ff:fe00:1', false],
  ['2a02:8070:d1c2:4a42::1', false],
  ['2a02:8070:d1c2:4b01::5', true],
  ['198.51.100.7', false],
  ['198.51.101.7', true],
  ['192.168.1.1', false],
] as const)('%s is on the internet and in no network of this machine: %s', ([ip, isRemote]) => {
  const rest = { mac: '02:00:00:00:00:01', internal: false } as const;
  const [v4, v6] = ['198.51.100.20', '2a02:8070:d1c2:4a01::5'];
  const interfaces = {
    eth0: [
      { ...rest, address: v4, netmask: '255.255.255.0', family: 'IPv4' as const, cidr: `${v4}/24` },
      // DHCPv6 gives an address with the prefix length 128.
      { ...rest, address: v6, netmask: '', family: 'IPv6' as const, cidr: `${v6}/128`, scopeid: 0 },
    ],
  };
  expect(isRemotePublicIp(ip, interfaces)).toBe(isRemote);
});

test('nothing is sent to a name with a private address, even next to a public one', async () => {
  const resolve = async () => ['93.184.216.34', '192.168.1.1'];
  const refused = new PublicHttps({ resolve }).post(request('https://push.example.com/'));
  await expect(refused).rejects.toThrow('push.example.com has the address 192.168.1.1, which is not on the internet');
});

test('the name is looked up for each request, and the connection goes to the checked address', async () => {
  await using service = await openPushService();
  let looks = 0;
  const resolve = async () => {
    looks += 1;
    return ['127.0.0.1'];
  };
  const https = new PublicHttps({ ...service.https, resolve });
  service.state.status = 404;
  for (const _ of [1, 2]) {
    expect(await https.post(request(service.subscription.endpoint))).toMatchObject({ status: 404 });
  }
  expect(looks).toBe(2);
});

test('a redirect is not followed', async () => {
  await using service = await openPushService();
  service.state.status = 307;
  expect(await new PublicHttps(service.https).post(request(service.subscription.endpoint))).toMatchObject({
    status: 307,
  });
});

test('the certificate is checked', async () => {
  await using service = await openPushService();
  const { isAllowed, resolve, port } = service.https;
  const refused = new PublicHttps({ isAllowed, resolve, port }).post(request(service.subscription.endpoint));
  await expect(refused).rejects.toMatchObject({ code: 'unavailable' });
});

test('failures are sentences', async () => {
  const unknown = new PublicHttps({ resolve: () => Promise.reject(new Error('ENOTFOUND')) });
  await expect(unknown.post(request('https://push.example.com/'))).rejects.toThrow(
    "the name push.example.com is not found: look at this box's DNS",
  );
  const silent = new PublicHttps({ resolve: () => new Promise(() => {}), timeoutMs: 20 });
  await expect(silent.post(request('https://push.example.com/'))).rejects.toMatchObject({ code: 'unavailable' });
});

/** A DNS server on loopback. @param zone addresses by name and type; a name without any does not exist */
async function openDns(zone: Readonly<Record<string, readonly string[]>>): Promise<string> {
  const socket = createSocket('udp4');
  socket.on('message', (datagram, { port, address }) => {
    const { id, questions = [] } = decode(datagram);
    const [{ name = '', type = 'A' } = {}] = questions;
    const answers = (zone[`${name} ${type}`] ?? []).map((data) => ({ name, type: type as 'A', ttl: 60, data }));
    const isKnown = Object.keys(zone).some((key) => key.startsWith(`${name} `));
    socket.send(encode({ id: id ?? 0, type: 'response', flags: isKnown ? 0 : 3, questions, answers }), port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  onTestFinished(() => {
    socket.close();
  });
  return `127.0.0.1:${socket.address().port}`;
}

test('a name has the addresses of both families, of which one may be absent', async () => {
  const server = await openDns({
    ...{ 'both.example A': ['192.0.2.1', '192.0.2.2'], 'both.example AAAA': ['2001:db8::1'] },
    ...{ 'four.example A': ['192.0.2.4'], 'six.example AAAA': ['2001:db8::6'] },
    'many.example A': Array.from({ length: 30 }, (_, i) => `192.0.2.${i + 1}`),
  });
  expect(await addressesOf('both.example', [server])).toEqual(['192.0.2.1', '192.0.2.2', '2001:db8::1']);
  expect(await addressesOf('four.example', [server])).toEqual(['192.0.2.4']);
  expect(await addressesOf('six.example', [server])).toEqual(['2001:db8::6']);
  expect(await addressesOf('many.example', [server])).toHaveLength(16);
  await expect(addressesOf('none.example', [server])).rejects.toMatchObject({ code: 'ENOTFOUND' });
});

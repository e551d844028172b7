import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/fake-clock.ts';
import { silentLogger } from '../../../base/log.ts';
import { gatherAddresses, writeCandidates } from './candidates.ts';
import { PeerBook } from './peer-book.ts';
import type { Peer, Route } from './route.ts';
import { parseUdpAddress, UdpPort } from './udp-port.ts';

test.for([
  [':8189', '', 8189],
  ['0.0.0.0:8189', '0.0.0.0', 8189],
  ['192.168.1.2:0', '192.168.1.2', 0],
  ['[::]:8189', '::', 8189],
  ['[::1]:65535', '::1', 65_535],
] as const)('%s is host %s and port %s', ([address, host, port]) => {
  expect(parseUdpAddress(address)).toEqual({ host, port });
});

test.for(['', '8189', ':65536', ':x', 'camera:8189', '1.2.3:1', '[::g]:1', '::1:8189'])(
  "'%s' is refused",
  (address) => {
    expect(() => parseUdpAddress(address)).toThrow('is not a UDP address');
  },
);

test('a port that is taken is named', async () => {
  const other = createSocket('udp4');
  other.bind(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address();
  const udp = new UdpPort(new PeerBook());
  await expect(udp.listen(`127.0.0.1:${port}`)).rejects.toThrow(
    `UDP port ${port} is taken by another program: stop it or change webrtcLocalUDPAddress`,
  );
  other.close();
});

test('both families listen on one port number', async () => {
  const udp = new UdpPort(new PeerBook());
  await udp.listen(':0');
  expect(udp.port).toBeGreaterThan(0);
  expect(udp.reachable).toMatchObject({ ipv4: true, only: undefined });
  await udp.close();
  expect(udp.port).toBe(0);
});

test('what comes from an address without a passed check reaches nobody', async () => {
  const book = new PeerBook();
  const udp = new UdpPort(book);
  await udp.listen('127.0.0.1:0');
  const received: string[] = [];
  const routes: Route[] = [];
  const peer: Peer = {
    onCheck: (_datagram, _request, from) => routes.push(from),
    onDatagram: (datagram) => received.push(datagram.toString('hex')),
    onRouteClosed: () => {},
  };
  book.register('ours', peer);
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');

  socket.send(Buffer.from('1401', 'hex'), udp.port, '127.0.0.1');
  await expect.poll(() => udp.ignored).toBe(1);
  socket.send(bindingRequest('ours:theirs'), udp.port, '127.0.0.1');
  await expect.poll(() => routes.length).toBe(1);
  expect(routes[0]).toMatchObject({ protocol: 'udp', address: '127.0.0.1', port: socket.address().port });
  routes[0]?.admit(peer);
  socket.send(Buffer.from('1402', 'hex'), udp.port, '127.0.0.1');
  await expect.poll(() => received).toEqual(['1402']);
  routes[0]?.close();
  socket.send(Buffer.from('1403', 'hex'), udp.port, '127.0.0.1');
  await expect.poll(() => udp.ignored).toBe(2);
  expect(received).toEqual(['1402']);
  socket.close();
  await udp.close();
});

/** Without integrity: the port does not look at it. */
function bindingRequest(username: string): Uint8Array {
  const name = Buffer.from(username.padEnd(12));
  const head = Buffer.from(`000100102112a442${'00'.repeat(12)}0006000c`, 'hex');
  return Buffer.concat([head, name]);
}

const REACHABLE = { ipv4: true, ipv6: false, only: undefined };
const HOSTS = { additionalHosts: [], ipsFromInterfaces: true, interfaces: [] };

test('candidates are the addresses of the interfaces and what the configuration adds, loopback last', async () => {
  const options = { ...HOSTS, additionalHosts: ['203.0.113.9', 'localhost'] };
  const addresses = await gatherAddresses(options, REACHABLE, new FakeClock(), silentLogger);
  expect(addresses).toContain('203.0.113.9');
  expect(addresses.some((address) => address.startsWith('fe80:'))).toBe(false);
  expect(new Set(addresses).size).toBe(addresses.length);
  expect(addresses.indexOf('203.0.113.9')).toBeLessThan(addresses.indexOf('127.0.0.1'));
});

test('a port bound to one address offers that address alone, and unknown interfaces have none', async () => {
  const clock = new FakeClock();
  const bound = { ...REACHABLE, only: '127.0.0.1' };
  expect(await gatherAddresses(HOSTS, bound, clock, silentLogger)).toEqual(['127.0.0.1']);
  expect(await gatherAddresses({ ...HOSTS, interfaces: ['none0'] }, REACHABLE, clock, silentLogger)).toEqual([]);
});

test('a name that does not resolve is left out', async () => {
  const options = { ...HOSTS, ipsFromInterfaces: false, additionalHosts: ['perch.invalid', '192.0.2.4'] };
  const clock = new FakeClock();
  const gathered = gatherAddresses(options, REACHABLE, clock, silentLogger);
  await clock.advance(1_000);
  expect(await gathered).toEqual(['192.0.2.4']);
});

test('the first candidate has the highest priority', () => {
  expect(writeCandidates(['192.0.2.1', '2001:db8::1'], 8_189)).toEqual([
    '1 1 udp 2130706431 192.0.2.1 8189 typ host',
    '2 1 udp 2130706175 2001:db8::1 8189 typ host',
  ]);
});

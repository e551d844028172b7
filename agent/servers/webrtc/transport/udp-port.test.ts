// @also without-ffi in long

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import type { Peer, Transport } from '../../../transports/webrtc/link/transport.ts';
import { ownAddresses } from './candidates.ts';
import { UdpPort } from './udp-port.ts';
import { UfragTable } from './ufrag-table.ts';

test('a port in use is reported', async () => {
  const other = createSocket('udp4');
  other.bind(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address();
  const udp = new UdpPort(new UfragTable());
  await expect(udp.listen(`127.0.0.1:${port}`)).rejects.toThrow(
    `UDP port ${port} is taken by another program: stop it or change webrtcLocalUDPAddress`,
  );
  other.close();
});

test('both families listen on one port number', async () => {
  const udp = new UdpPort(new UfragTable());
  await udp.listen(':0');
  expect(udp.port).toBeGreaterThan(0);
  expect(udp.local).toMatchObject({ ipv4: true, only: undefined });
  await udp.close();
  expect(udp.port).toBe(0);
});

test('a port that could not be opened does not follow address changes: its owner retries', async () => {
  const udp = new UdpPort(new UfragTable());
  await expect(udp.listen('192.0.2.7:0')).rejects.toThrow(
    '192.0.2.7:0 is not an address of this machine: change webrtcLocalUDPAddress',
  );
  await udp.refresh();
  expect(udp.local).toEqual({ port: 0, ipv4: false, ipv6: false, only: undefined });
});

test('datagrams from an address without a passed check reach no peer', async () => {
  const ufrags = new UfragTable();
  const udp = new UdpPort(ufrags);
  await udp.listen('127.0.0.1:0');
  const received: string[] = [];
  const transports: Transport[] = [];
  const peer: Peer = {
    onCheck: (_datagram, _request, from) => transports.push(from),
    onDatagram: (datagram) => received.push(datagram.toString('hex')),
    onTransportClosed: () => {},
  };
  ufrags.register('ours', peer);
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');

  socket.send(Buffer.from('1401', 'hex'), udp.port, '127.0.0.1');
  await expect.poll(() => udp.ignored).toBe(1);
  socket.send(bindingRequest('ours:theirs'), udp.port, '127.0.0.1');
  await expect.poll(() => transports.length).toBe(1);
  expect(transports[0]).toMatchObject({ protocol: 'udp', address: '127.0.0.1', port: socket.address().port });
  transports[0]?.admit(peer);
  socket.send(Buffer.from('1402', 'hex'), udp.port, '127.0.0.1');
  await expect.poll(() => received).toEqual(['1402']);
  transports[0]?.close();
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

test('each address of this machine answers for itself', async () => {
  const ufrags = new UfragTable();
  const udp = new UdpPort(ufrags);
  await udp.listen(':0');
  const transports: Transport[] = [];
  ufrags.register('ours', {
    onCheck: (_datagram, _request, from) => transports.push(from),
    onDatagram: () => {},
    onTransportClosed: () => {},
  });
  // Networks of other tests come and go meanwhile (RFC 2544 §C.2.2).
  const own = ownAddresses().filter(({ family, address }) => family === 'IPv4' && !address.startsWith('198.18.'));
  for (const { address } of own) {
    const client = createSocket('udp4');
    client.connect(udp.port, address);
    await once(client, 'connect');
    client.send(bindingRequest('ours:theirs'));
    await expect.poll(() => transports.at(-1)?.localAddress).toBe(address);
    transports.at(-1)?.send(Buffer.from('yes'), 0, 3);
    // A connected socket receives from its peer only.
    const [answer] = (await once(client, 'message')) as [Buffer];
    expect(answer.toString()).toBe('yes');
    client.close();
  }
  expect(own.length).toBeGreaterThan(0);
  await udp.close();
});

test('a socket whose address is unchanged stays open', async () => {
  const udp = new UdpPort(new UfragTable());
  await udp.listen(':0');
  const before = udp.local;
  await Promise.all([udp.refresh(), udp.refresh()]);
  expect(udp.local).toEqual(before);
  await udp.close();
  await udp.refresh();
  expect(udp.port).toBe(0);
});

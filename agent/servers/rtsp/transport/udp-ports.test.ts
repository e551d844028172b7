// @also without-ffi in long

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { UdpPair } from '../../../../test/support/clients/webrtc/udp-pair.ts';
import { type UdpPeer, UdpPorts } from './udp-ports.ts';

class Peer implements UdpPeer {
  readonly owner = this;
  readonly heard: string[] = [];
  replaced = 0;
  #wake = () => {};
  onRtp(datagram: Buffer): void {
    this.#add(`rtp ${datagram}`);
  }
  onRtcp(datagram: Buffer): void {
    this.#add(`rtcp ${datagram}`);
  }
  onReplaced(): void {
    this.replaced += 1;
  }
  async until(count: number): Promise<void> {
    while (this.heard.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
  #add(what: string): void {
    this.heard.push(what);
    this.#wake();
  }
}

async function open(address = ':0') {
  const ports = new UdpPorts();
  await ports.listen({
    keys: { rtp: 'rtpAddress', rtcp: 'rtcpAddress' },
    rtpAddress: address,
    rtcpAddress: address,
    readBufferBytes: 0,
  });
  return { ports, [Symbol.asyncDispose]: () => ports.close() };
}

const text = (value: string) => Buffer.from(value);

test.for(['127.0.0.1', '::1'] as const)('datagrams of %s go to the peer that its ports belong to', async (host) => {
  await using server = await open();
  await using one = await UdpPair.open(host);
  await using two = await UdpPair.open(host);
  const [first, second] = [new Peer(), new Peer()];
  server.ports.register(host, one.ports, first);
  server.ports.register(host, two.ports, second);
  await one.send('rtp', text('a'), server.ports.rtpPort);
  await one.send('rtcp', text('b'), server.ports.rtcpPort);
  await two.send('rtp', text('c'), server.ports.rtpPort);
  await Promise.all([first.until(2), second.until(1)]);
  expect(first.heard.sort()).toEqual(['rtcp b', 'rtp a']);
  expect(second.heard).toEqual(['rtp c']);
});

test.for(['127.0.0.1', '::1'] as const)('packets to %s come from the ports that peers know', async (host) => {
  await using server = await open();
  await using pair = await UdpPair.open(host);
  server.ports.sendFrames(text('..$.\0\x03abc..'), 2, 1, { ip: host, port: pair.ports[0], bursts: undefined });
  server.ports.sendRtcp(text('..abcd..'), 2, 4, pair.ports[1], host);
  await pair.until(() => pair.rtp.length + pair.rtcp.length === 2);
  expect([`${pair.rtp}`, `${pair.rtcp}`]).toEqual(['abc', 'abcd']);
});

test('unsolicited datagrams are counted, and so are those after the peer has left', async () => {
  await using server = await open();
  await using pair = await UdpPair.open();
  const peer = new Peer();
  await pair.send('rtp', text('early'), server.ports.rtpPort);
  const known = new Peer();
  await using other = await UdpPair.open();
  server.ports.register('127.0.0.1', other.ports, known);
  await other.send('rtp', text('x'), server.ports.rtpPort);
  await known.until(1);
  expect(server.ports.ignored).toBe(1);
  server.ports.register('127.0.0.1', pair.ports, peer);
  server.ports.unregister(peer);
  await pair.send('rtp', text('late'), server.ports.rtpPort);
  await other.send('rtp', text('y'), server.ports.rtpPort);
  await known.until(2);
  expect(server.ports.ignored).toBe(2);
  expect(peer.heard).toEqual([]);
});

test('a newer session of the same address takes over ports and ends the older one', async () => {
  await using server = await open();
  await using pair = await UdpPair.open();
  const [older, newer] = [new Peer(), new Peer()];
  server.ports.register('127.0.0.1', pair.ports, older);
  server.ports.register('127.0.0.1', pair.ports, newer);
  await pair.send('rtp', text('a'), server.ports.rtpPort);
  await newer.until(1);
  expect(older).toMatchObject({ replaced: 1, heard: [] });
  server.ports.unregister(older);
  await pair.send('rtp', text('b'), server.ports.rtpPort);
  await newer.until(2);
});

test('invalid ports are rejected', async () => {
  await using server = await open('127.0.0.1:0');
  expect(() => server.ports.register('127.0.0.1', [0, 1], new Peer())).toThrow('UDP ports 0-1 are invalid');
  expect(() => server.ports.register('127.0.0.1', [7, 7], new Peer())).toThrow('UDP ports 7-7 are invalid');
});

test('the number of peers is bounded', async () => {
  await using server = await open('127.0.0.1:0');
  const fill = () => {
    for (let i = 0; i < 4_000; i += 1) {
      server.ports.register(`127.0.0.${1 + (i % 200)}`, [1_000 + 2 * i, 1_001 + 2 * i], new Peer());
    }
  };
  expect(fill).toThrow('2048 tracks are sent over UDP, the limit');
});

test('a port in use is reported with its key, and no other port stays open', async () => {
  const taken = createSocket('udp4');
  taken.bind(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address();
  const ports = new UdpPorts();
  const listening = ports.listen({
    keys: { rtp: 'rtpAddress', rtcp: 'rtcpAddress' },
    rtpAddress: '127.0.0.1:0',
    rtcpAddress: `127.0.0.1:${port}`,
    readBufferBytes: 0,
  });
  await expect(listening).rejects.toThrow(
    `UDP port ${port} is taken by another program: stop it or change rtcpAddress`,
  );
  expect(ports.isOpen).toBe(false);
  taken.close();
});

test('one address cannot take the places of all', async () => {
  await using server = await open('127.0.0.1:0');
  const fill = (ip: string, count: number) => {
    for (let i = 0; i < count; i += 1) {
      server.ports.register(ip, [1_000 + 2 * i, 1_001 + 2 * i], new Peer());
    }
  };
  expect(() => fill('127.0.0.1', 1_000)).toThrow('512 tracks are sent over UDP to 127.0.0.1, the limit');
  fill('127.0.0.2', 1);
});

test.for([
  ['127.0.0.1:0', '::1', 'RTP over UDP cannot reach ::1: rtpAddress has no IPv6'],
  ['[::1]:0', '127.0.0.1', 'RTP over UDP cannot reach 127.0.0.1: rtpAddress has no IPv4'],
  [':0', 'fe80::7', 'RTP over UDP cannot reach fe80::7: a link-local address needs a zone'],
] as const)('the ports at %s refuse the address %s, which they cannot send to', async ([address, ip, message]) => {
  await using server = await open(address);
  expect(() => server.ports.register(ip, [7_000, 7_001], new Peer())).toThrow(message);
});

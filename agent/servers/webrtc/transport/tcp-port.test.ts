import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { frame, writeCheck } from '../../../../test/support/clients/webrtc/ice-client.ts';
import { silentLogger } from '../../../base/log.ts';
import type { Peer, Transport } from '../../../transports/webrtc/link/transport.ts';
import { TcpPort } from './tcp-port.ts';
import { UfragTable } from './ufrag-table.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) {
    await cleanup();
  }
});

const CHECK = writeCheck({ ufrag: 'ours', password: 'secret' }).bytes;

/** A port with one peer, `ours`, that accepts every client. */
async function openPort(address = '127.0.0.1:0') {
  const clock = new FakeClock();
  const ufrags = new UfragTable();
  const port = new TcpPort(ufrags, clock, silentLogger);
  await port.listen(address);
  cleanups.push(() => port.close());
  const received: string[] = [];
  const transports: Transport[] = [];
  const closed: Transport[] = [];
  const peer: Peer = {
    onCheck: (_datagram, _request, from) => {
      transports.push(from);
      from.admit(peer);
    },
    onDatagram: (datagram) => received.push(datagram.toString('hex')),
    onTransportClosed: (transport) => closed.push(transport),
  };
  ufrags.register('ours', peer);
  return { port, clock, ufrags, peer, received, transports, closed };
}

async function dial(port: TcpPort, host = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port: port.port, host });
  socket.on('error', () => {});
  cleanups.push(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

const isClosed = (socket: Socket): boolean => socket.closed || socket.readableEnded;

/** A connection whose first check has passed. */
async function admitted(
  opened: Awaited<ReturnType<typeof openPort>>,
): Promise<{ socket: Socket; transport: Transport }> {
  const socket = await dial(opened.port);
  socket.write(frame(CHECK));
  const count = opened.transports.length;
  await expect.poll(() => opened.transports.length).toBe(count + 1);
  return { socket, transport: opened.transports[count] as Transport };
}

test('after its first check a connection delivers its data, and reports its end', async () => {
  const opened = await openPort();
  const { socket, transport } = await admitted(opened);
  expect(transport).toMatchObject({ protocol: 'tcp', family: 'IPv4', address: '127.0.0.1', port: socket.localPort });
  socket.write(Buffer.concat([frame(Buffer.from('1401', 'hex')), frame(Buffer.from('8060ff', 'hex'))]));
  await expect.poll(() => opened.received).toEqual(['1401', '8060ff']);
  socket.end();
  await expect.poll(() => opened.closed).toEqual([transport]);
  expect(opened.port.connections).toBe(0);
  expect(opened.port.ignored).toBe(0);
});

test.for([
  ['something else than a check', frame(Buffer.from('1401', 'hex'))],
  ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: perch\r\n\r\n')],
  ['more than 64 kB for no session', Buffer.concat(Array(700).fill(frame(Buffer.alloc(100))))],
] as const)('a connection that begins with %s is ended', async ([, bytes]) => {
  const { port, received } = await openPort();
  const socket = await dial(port);
  socket.resume();
  socket.write(bytes);
  await expect.poll(() => isClosed(socket)).toBe(true);
  expect(port.ignored).toBe(1);
  expect(received).toEqual([]);
});

test('a connection that has not passed a check for ten seconds is ended, one that has is not', async () => {
  const opened = await openPort();
  const stranger = await dial(opened.port);
  stranger.write(frame(writeCheck({ ufrag: 'unknown', password: '' }).bytes));
  const { socket } = await admitted(opened);
  await opened.clock.advance(9_999);
  opened.port.tick();
  expect(opened.port.connections).toBe(2);
  await opened.clock.advance(1);
  opened.port.tick();
  stranger.resume();
  await expect.poll(() => isClosed(stranger)).toBe(true);
  expect(opened.port.connections).toBe(1);
  expect(isClosed(socket)).toBe(false);
});

test('one address has 256 connections', async () => {
  const { port } = await openPort();
  await Promise.all(Array.from({ length: 256 }, () => dial(port)));
  const oneMore = await dial(port);
  oneMore.resume();
  await expect.poll(() => isClosed(oneMore)).toBe(true);
  expect(port.connections).toBe(256);
});

test('at the limit of a thousand connections a new one replaces the oldest unverified one', async () => {
  const opened = await openPort();
  const { socket } = await admitted(opened);
  const hosts = ['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.4'];
  const strangers: Socket[] = [];
  for (let i = 1; i < 1_000; i += 1) {
    const stranger = connect({
      port: opened.port.port,
      host: '127.0.0.1',
      localAddress: hosts[i % hosts.length] as string,
    });
    stranger.on('error', () => {});
    stranger.resume();
    cleanups.push(() => stranger.destroy());
    await once(stranger, 'connect');
    strangers.push(stranger);
  }
  await expect.poll(() => opened.port.connections).toBe(1_000);
  await admitted(opened);
  await expect.poll(() => isClosed(strangers[0] as Socket)).toBe(true);
  expect(opened.port.connections).toBe(1_000);
  expect(isClosed(socket)).toBe(false);
});

test('packets of one event loop turn arrive framed and in order, although slots are reused', async () => {
  const opened = await openPort();
  const { socket, transport } = await admitted(opened);
  const slot = new Uint8Array(1_300);
  const expected: Buffer[] = [];
  for (let i = 0; i < 100; i += 1) {
    slot.fill(i);
    transport.send(slot, 50, 1_200);
    expected.push(frame(Buffer.alloc(1_200, i)));
  }
  slot.fill(255);
  let got = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    got = Buffer.concat([got, chunk]);
  });
  await expect.poll(() => got.length).toBe(100 * 1_202);
  expect(got.equals(Buffer.concat(expected))).toBe(true);
});

test('a peer that does not read is congested at a megabyte, or after two seconds, and costs two megabytes at most', async () => {
  const opened = await openPort();
  const { socket, transport } = await admitted(opened);
  socket.pause();
  const send = async (packets: number): Promise<void> => {
    for (let i = 0; i < packets; i += 1) {
      transport.send(PACKET, 0, PACKET.length);
    }
    await new Promise((resolve) => setImmediate(resolve));
  };
  for (let i = 0; i < 5_000; i += 1) {
    await send(10);
  }
  expect(transport.isCongested).toBe(true);
  const bytes = await takeAll(socket, transport);
  expect(bytes).toBeGreaterThan(1 << 20);
  // 60 MB were sent; what the kernel holds counts as well.
  expect(bytes).toBeLessThan(24 << 20);

  // From the first packet that the kernel does not take, which is less than a megabyte, and none of it leaves.
  socket.pause();
  let isLate = false;
  while (!isLate) {
    await send(10);
    expect(transport.isCongested).toBe(false);
    await opened.clock.advance(2_001);
    isLate = transport.isCongested;
  }
  await takeAll(socket, transport);
  await expect.poll(() => transport.isCongested).toBe(false);
});

const PACKET = new Uint8Array(1_200);
const LAST = Buffer.alloc(16, 0xaa);

/** Reads up to a frame that is sent when the queue has room. @returns bytes that were in flight */
async function takeAll(socket: Socket, transport: Transport): Promise<number> {
  let bytes = 0;
  let tail = Buffer.alloc(0);
  const take = (chunk: Buffer): void => {
    bytes += chunk.length;
    tail = Buffer.concat([tail, chunk]).subarray(-LAST.length);
  };
  socket.on('data', take);
  socket.resume();
  await expect.poll(() => transport.isCongested).toBe(false);
  transport.send(LAST, 0, LAST.length);
  await expect.poll(() => tail.equals(LAST)).toBe(true);
  socket.off('data', take);
  return bytes;
}

test('a final packet is still sent when the connection is closed', async () => {
  const opened = await openPort();
  const { socket, transport } = await admitted(opened);
  let got = '';
  socket.on('data', (chunk) => {
    got += chunk.toString('hex');
  });
  transport.send(Buffer.from('bye'), 0, 3);
  transport.close();
  await expect.poll(() => isClosed(socket)).toBe(true);
  expect(got).toBe('0003627965');
  expect(opened.closed).toEqual([]);
  expect(transport.isCongested).toBe(true);
});

test('a connection that another peer has proved its own belongs to that one alone', async () => {
  const opened = await openPort();
  const { socket, transport } = await admitted(opened);
  const received: string[] = [];
  const other: Peer = {
    onCheck: (_datagram, _request, from) => from.admit(other),
    onDatagram: (datagram) => received.push(datagram.toString('hex')),
    onTransportClosed: () => {},
  };
  opened.ufrags.register('others', other);
  socket.write(frame(writeCheck({ ufrag: 'others', password: '' }).bytes));
  socket.write(frame(Buffer.from('1402', 'hex')));
  await expect.poll(() => received).toEqual(['1402']);
  expect(opened.closed).toEqual([transport]);
  expect(opened.received).toEqual([]);
});

test('both families listen on one port number', async () => {
  const { port } = await openPort(':0');
  expect(port.local).toMatchObject({ port: port.port, ipv4: true, only: undefined });
  await dial(port);
  if (port.local.ipv6) {
    await dial(port, '::1');
  }
  await expect.poll(() => port.connections).toBe(port.local.ipv6 ? 2 : 1);
});

test('a port in use is reported with advice', async () => {
  const other = createServer();
  other.listen(0, '127.0.0.1');
  await once(other, 'listening');
  cleanups.push(() => other.close());
  const { port } = other.address() as { port: number };
  const tcp = new TcpPort(new UfragTable(), new FakeClock(), silentLogger);
  await expect(tcp.listen(`127.0.0.1:${port}`)).rejects.toThrow(
    `port ${port} is taken by this same Perch: change webrtcLocalTCPAddress`,
  );
});

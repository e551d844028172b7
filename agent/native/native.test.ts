// @also without-ffi

import { createCipheriv } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket, SocketAddress } from 'node:net';
import { constants } from 'node:os';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { describeNative } from '../../test/support/base/native-tests.ts';
import { random } from '../../test/support/base/random.ts';
import type { BurstSender } from './burst-sender.ts';
import { descriptorOf, tcpDescriptorOf } from './descriptor.ts';
import { nativeStatus, openBurstSender, openGcmCipher, openStreamReader } from './native.ts';
import { PacketMemory, SLOT_BYTES } from './packet-memory.ts';
import { isSameAddress, readSocketAddress, socketAddress } from './socket-address.ts';
import type { StreamReader } from './stream-reader.ts';

const PACKETS = 64;
const HEADER_BYTES = 12;
const next = random(28);
const pick = (limit: number): number => Math.floor(next() * limit);
const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, () => pick(256)));

describeNative('with node:ffi', () => {
  test('a sealed packet has the bytes of node:crypto, for each key, nonce and size', () => {
    const memory = new PacketMemory(PACKETS);
    const cipher = openGcmCipher(memory, HEADER_BYTES);
    expect(nativeStatus().gcm).toEqual({ isUsed: true });
    for (let round = 0; round < 500; round += 1) {
      const [key, nonce, plain] = [bytes(16), bytes(12), bytes(HEADER_BYTES + pick(1_200))];
      const packet = pick(PACKETS);
      memory.bytes.set(plain.subarray(0, HEADER_BYTES), packet * SLOT_BYTES);
      const payloadAt = pick(100);
      const source = Buffer.concat([bytes(payloadAt), plain.subarray(HEADER_BYTES), bytes(pick(2))]);
      cipher?.useKey(key);
      cipher?.useSource(source);
      cipher?.seal(packet, nonce, payloadAt, plain.length - HEADER_BYTES);
      const theirs = createCipheriv('aes-128-gcm', key, nonce).setAAD(plain.subarray(0, HEADER_BYTES));
      const payload = source.subarray(payloadAt, payloadAt + plain.length - HEADER_BYTES);
      const sealed = Buffer.concat([theirs.update(payload), theirs.final(), theirs.getAuthTag()]);
      const start = packet * SLOT_BYTES;
      expect(Buffer.from(memory.bytes.slice(start + HEADER_BYTES, start + plain.length + 16))).toEqual(sealed);
    }
  });

  test('a payload that does not fit its slot or is not in its source is rejected before anything is written', () => {
    const memory = new PacketMemory(1);
    const cipher = openGcmCipher(memory, HEADER_BYTES);
    const max = SLOT_BYTES - HEADER_BYTES - 16;
    cipher?.useKey(bytes(16));
    expect(() => cipher?.seal(0, bytes(12), 0, 1)).toThrow('does not fit a slot or its source');
    const source = new Uint8Array(max + 1);
    cipher?.useSource(source);
    expect(() => cipher?.seal(0, bytes(12), 0, max + 1)).toThrow('does not fit a slot or its source');
    expect(() => cipher?.seal(0, bytes(12), 2, max)).toThrow('does not fit a slot or its source');
    expect(memory.bytes.every((byte) => byte === 0)).toBe(true);
    cipher?.seal(0, bytes(12), 1, source.length - 1);
  });

  /** A burst sender with its socket, and a socket that receives its datagrams. */
  async function openPair(ip: string) {
    const memory = new PacketMemory(PACKETS);
    const sender = (await openBurstSender(memory)) as BurstSender;
    const type = ip.includes(':') ? 'udp6' : 'udp4';
    const [from, to] = [createSocket(type), createSocket({ type, recvBufferSize: 1 << 21 })];
    const received: Buffer[] = [];
    to.on('message', (datagram) => received.push(datagram));
    for (const socket of [from, to]) {
      const listening = once(socket, 'listening');
      socket.bind(0, ip);
      await listening;
    }
    const address = socketAddress(ip, to.address().port);
    if (!address) {
      throw new Error(`${ip} has no socket address`);
    }
    const [descriptor, close] = [descriptorOf(from), () => void [from.close(), to.close()]];
    return { memory, sender, address, received, descriptor, close };
  }

  test.for(['127.0.0.1', '::1'])('bursts to %s arrive as the packets that they are made of', async (ip) => {
    const { memory, sender, address, received, descriptor, close } = await openPair(ip);
    expect(nativeStatus().bursts).toEqual({ isUsed: true });
    for (let round = 0; round < 40; round += 1) {
      const count = 1 + pick(PACKETS);
      const size = 1 + pick(1_216);
      const sent: Buffer[] = [];
      for (let i = 0; i < count; i += 1) {
        const packet = bytes(next() < 0.8 ? size : 1 + pick(1_216));
        memory.bytes.set(packet, i * SLOT_BYTES);
        memory.lengths[i] = packet.length;
        sent.push(packet);
      }
      for (let first = 0; first < count; ) {
        const burst = sender.countBurst(first, count);
        const lengths = sent.slice(first, first + burst).map((packet) => packet.length);
        expect(lengths.slice(0, -1).every((length) => length === lengths[0])).toBe(true);
        expect(lengths.at(-1)).toBeLessThanOrEqual(lengths[0] ?? 0);
        expect(burst).toBeLessThanOrEqual(16);
        expect(sender.send(descriptor, address, first, burst)).toBe(0);
        first += burst;
      }
      await expect.poll(() => received.length).toBe(count);
      expect(received.splice(0).map((packet) => packet.toString('hex'))).toEqual(
        sent.map((packet) => packet.toString('hex')),
      );
    }
    close();
  });

  test('an error of the kernel is returned, and nothing is sent', async () => {
    const { memory, sender, address, received, descriptor, close } = await openPair('127.0.0.1');
    memory.lengths.fill(100);
    expect(sender.send(-1, address, 0, 2)).toBe(constants.errno.EBADF);
    expect(sender.send(descriptor, { ...address, byteLength: 3 }, 0, 2)).toBe(constants.errno.EINVAL);
    expect(sender.send(descriptor, address, 0, 2)).toBe(0);
    await expect.poll(() => received.length).toBe(2);
    close();
  });

  test('a paused connection is read as it was sent, up to its end', async () => {
    const reader = openStreamReader() as StreamReader;
    expect(nativeStatus().reads).toEqual({ isUsed: true });
    const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const sender = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const [socket] = await accepted;
    expect(reader.receive(tcpDescriptorOf(socket))).toBe(-constants.errno.EAGAIN);
    const sent = bytes(300_000);
    sender.end(sent);
    const received: Buffer[] = [];
    await expect
      .poll(() => {
        const count = reader.receive(tcpDescriptorOf(socket));
        received.push(Buffer.from(reader.buffer.subarray(0, Math.max(0, count))));
        return count;
      })
      .toBe(0);
    expect(Buffer.concat(received).equals(sent)).toBe(true);
    socket.destroy();
    expect(tcpDescriptorOf(socket)).toBe(-1);
    expect(reader.receive(-1)).toBe(-constants.errno.EBADF);
    server.close();
  });
});

test('a socket address is read as it was written', () => {
  const [one, two] = ['192.0.2.7', '2001:db8::5:7'].map((ip) => socketAddress(ip, 5_004)?.words ?? new Uint32Array());
  const words = Uint32Array.of(1, ...(one ?? []), ...(two ?? []));
  expect(readSocketAddress(words, 1)).toEqual({ address: '192.0.2.7', port: 5_004 });
  expect(readSocketAddress(words, 5)).toEqual({ address: '2001:db8:0:0:0:0:5:7', port: 5_004 });
});

test.for([
  ['192.0.2.7', 5_004, true],
  ['192.0.2.8', 5_004, false],
  ['192.0.2.7', 5_005, false],
  ['2001:db8::5:7', 5_004, true],
  ['2001:db8::5:8', 5_004, false],
  ['2001:db9::5:7', 5_004, false],
  ['2001:db8::5:7', 5_005, false],
] as const)('%s port %i is the same as 192.0.2.7 or 2001:db8::5:7 port 5004: %s', ([ip, port, isSame]) => {
  // The words after a short address belong to another address.
  const words = Uint32Array.of(9, ...(socketAddress(ip, port)?.words ?? []), 9, 9, 9);
  const others = ['192.0.2.7', '2001:db8::5:7'].map((other) => socketAddress(other, 5_004)?.words ?? new Uint32Array());
  expect(others.some((other) => isSameAddress(words, 1, other))).toBe(isSame);
});

test('a socket address has the groups of the text, whichever way it is written', () => {
  for (let round = 0; round < 500; round += 1) {
    const groups = Array.from({ length: 8 }, () => (next() < 0.5 ? 0 : pick(65_536)));
    const text = groups.map((group) => group.toString(16)).join(':');
    const { address } = new SocketAddress({ address: text, family: 'ipv6' });
    const view = new DataView(socketAddress(address, 5_004)?.words.buffer as ArrayBuffer);
    expect(Array.from({ length: 8 }, (_, i) => view.getUint16(8 + 2 * i))).toEqual(groups);
    expect(view.getUint16(2)).toBe(5_004);
  }
  expect(Buffer.from(socketAddress('192.0.2.7', 258)?.words.buffer as ArrayBuffer).toString('hex')).toBe(
    '02000102c00002070000000000000000',
  );
});

test.for(['fe80::1%eth0', 'camera.local', '', '192.0.2'])('%s has no socket address', (text) => {
  expect(socketAddress(text, 1)).toBeUndefined();
});

describe('without node:ffi', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.resetModules();
  });

  test('nothing is opened, and the status gives the reason', async () => {
    vi.resetModules();
    vi.stubEnv('PERCH_NO_FFI', '1');
    const native = await import('./native.ts');
    expect(native.nativeStatus()).toEqual({ bursts: {}, batches: {}, gcm: {}, reads: {} });
    expect(native.openStreamReader()).toBeUndefined();
    expect(native.openGcmCipher(new PacketMemory(1), HEADER_BYTES)).toBeUndefined();
    expect(await native.openBurstSender(new PacketMemory(1))).toBeUndefined();
    expect(await native.openDatagramReceiver()).toBeUndefined();
    const isOff = { isUsed: false, reason: 'turned off by PERCH_NO_FFI' };
    expect(native.nativeStatus()).toEqual({ bursts: isOff, batches: isOff, gcm: isOff, reads: isOff });
  });
});

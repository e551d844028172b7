// @also without-ffi

import { expect, test } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import { UdpPair } from '../../../../test/support/clients/webrtc/udp-pair.ts';
import { bindUdp } from '../../../base/network/udp.ts';
import { BurstRoute } from '../../../native/burst-route.ts';
import { nativeStatus } from '../../../native/native.ts';
import { type FrameRoute, FrameSocket, prepareBursts } from './frame-socket.ts';

const next = random(29);
const pick = (limit: number): number => Math.floor(next() * limit);

/** Interleaved frames of these packets after `before` other bytes. */
function framesOf(packets: readonly Buffer[], before: number): Buffer {
  const frames = packets.map((packet) =>
    Buffer.concat([Buffer.of(0x24, 0, packet.length >> 8, packet.length), packet]),
  );
  return Buffer.concat([Buffer.alloc(before, 0xee), ...frames, Buffer.alloc(9, 0xee)]);
}

const packetsOf = (count: number, bytes: number, lastBytes: number): Buffer[] =>
  Array.from({ length: count }, (_, i) => Buffer.alloc(i === count - 1 ? lastBytes : bytes, pick(256)));

async function open(host: '127.0.0.1' | '::1') {
  await prepareBursts();
  const socket = new FrameSocket(await bindUdp(host, 0));
  const reader = await UdpPair.open(host);
  const [port] = reader.ports;
  const route: FrameRoute = { ip: host, port, bursts: BurstRoute.to(host, port) };
  const close = async () => {
    await socket.close();
    await reader[Symbol.asyncDispose]();
  };
  return { socket, reader, route, [Symbol.asyncDispose]: close };
}

test.for(['127.0.0.1', '::1'] as const)(
  'packets to %s arrive without their frames, whatever their sizes',
  async (host) => {
    await using place = await open(host);
    for (let round = 0; round < 200; round += 1) {
      const bytes = 1 + pick(1_460);
      const packets = packetsOf(1 + pick(16), bytes, 1 + pick(bytes));
      const before = pick(100);
      place.socket.sendFrames(framesOf(packets, before), before, packets.length, place.route);
      await place.reader.until(() => place.reader.rtp.length === packets.length);
      expect(place.reader.rtp.splice(0)).toEqual(packets);
    }
  },
);

test('a burst that the kernel rejects is sent packet by packet, and so are the following ones', async () => {
  await using place = await open('127.0.0.1');
  for (const bytes of [30_000, 1_000]) {
    const packets = packetsOf(3, bytes, bytes);
    place.socket.sendFrames(framesOf(packets, 0), 0, packets.length, place.route);
    await place.reader.until(() => place.reader.rtp.length === packets.length);
    expect(place.reader.rtp.splice(0)).toEqual(packets);
  }
  expect(place.route.bursts?.takesBatch()).toBe(nativeStatus().bursts.isUsed === false);
});

test('a closed socket sends nothing', async () => {
  await prepareBursts();
  const socket = new FrameSocket(await bindUdp('127.0.0.1', 0));
  await socket.close();
  const packets = packetsOf(3, 100, 100);
  const route = { ip: '127.0.0.1', port: 9, bursts: BurstRoute.to('127.0.0.1', 9) };
  expect(() => socket.sendFrames(framesOf(packets, 0), 0, 3, route)).not.toThrow();
  expect(socket.isBeyond(0, 0)).toBe(false);
});

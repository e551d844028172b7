import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { random } from '../../test/support/base/random.ts';
import { BurstSender } from './burst-sender.ts';
import { FrameBurstSender } from './frame-burst-sender.ts';
import type { SocketFunctions } from './functions.ts';
import { PacketMemory, SLOT_BYTES } from './packet-memory.ts';
import { socketAddress } from './socket-address.ts';

const ROUNDS = 500;
const MAX_PACKET_BYTES = 1_216;
const ADDRESSES = ['192.0.2.7', '2001:db8::5:7'];
/** udp(7): UDP_SEGMENT of level SOL_UDP. */
const CONTROL = [17, 103];
const CMSG_BYTES = 18;
const MAX_DATAGRAM_BYTES = 65_507;
const FRAME_HEADER_BYTES = 4;

const next = random(31);
const pick = (limit: number): number => Math.floor(next() * limit);
const bytesOf = (length: number): Buffer => Buffer.alloc(length, pick(256)).fill(pick(256), length >> 1);

interface Sent {
  readonly address: Buffer;
  readonly packets: readonly Buffer[];
}

/** Reads a `struct msghdr` of 64-bit Linux as sendmsg(2) does: nothing outside the memory that it was given. */
class StrictKernel {
  readonly sent: Sent[] = [];
  errno = 0;
  readonly #memories: { readonly start: bigint; readonly bytes: Buffer }[] = [];
  readonly functions = {
    errno: new Int32Array(1),
    pointerTo: (view: ArrayBufferView) => this.#map(view),
    sendmsg: (_descriptor: number, message: bigint, flags: number) => this.#send(message, flags),
  } as unknown as SocketFunctions;

  #map(view: ArrayBufferView): bigint {
    // Addresses above 2^32, at varying multiples of 8 bytes.
    const start = 0x7f00_0000_0000n + BigInt(this.#memories.length) * 0x1_0000_0000n + BigInt(8 * pick(1_000));
    this.#memories.push({ start, bytes: Buffer.from(view.buffer, view.byteOffset, view.byteLength) });
    return start;
  }

  #read(address: bigint, length: number): Buffer {
    for (const { start, bytes } of this.#memories) {
      const at = Number(address - start);
      if (at >= 0 && at + length <= bytes.length) {
        return bytes.subarray(at, at + length);
      }
    }
    throw new Error(`${length} bytes at ${address.toString(16)} belong to nothing`);
  }

  #send(message: bigint, flags: number): number {
    if (this.errno !== 0) {
      this.functions.errno[0] = this.errno;
      return -1;
    }
    const header = this.#read(message, 56);
    const vectors = Number(header.readBigUInt64LE(24));
    const list = this.#read(header.readBigUInt64LE(16), 16 * vectors);
    const packets = Array.from({ length: vectors }, (_, i) =>
      Buffer.from(this.#read(list.readBigUInt64LE(16 * i), Number(list.readBigUInt64LE(16 * i + 8)))),
    );
    const sizes = packets.map((packet) => packet.length);
    const controlBytes = Number(header.readBigUInt64LE(40));
    if (controlBytes > 0) {
      const control = this.#read(header.readBigUInt64LE(32), controlBytes);
      expect(Number(control.readBigUInt64LE(0))).toBe(CMSG_BYTES);
      expect([control.readInt32LE(8), control.readInt32LE(12)]).toEqual(CONTROL);
      expect(new Set(sizes.slice(0, -1))).toEqual(new Set([control.readUInt16LE(16)]));
      expect(sizes.at(-1)).toBeLessThanOrEqual(control.readUInt16LE(16));
    }
    expect(vectors).toBeLessThanOrEqual(controlBytes > 0 ? 16 : 1);
    expect([flags, header.readInt32LE(48)]).toEqual([0, 0]);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    expect(total).toBeLessThanOrEqual(MAX_DATAGRAM_BYTES);
    const address = Buffer.from(this.#read(header.readBigUInt64LE(0), header.readUInt32LE(8)));
    this.sent.push({ address, packets });
    return total;
  }
}

const addressOf = () => {
  const address = socketAddress(ADDRESSES[pick(2)] ?? '', 1 + pick(65_535));
  if (!address) {
    throw new Error('not numeric');
  }
  return { address, bytes: Buffer.from(address.words.buffer) };
};

test('a strict kernel reads every batch of a packet memory as the packets that were put there, in order', () => {
  const kernel = new StrictKernel();
  const memory = new PacketMemory(64);
  const sender = new BurstSender(kernel.functions, memory);
  for (let round = 0; round < ROUNDS; round += 1) {
    const { address, bytes } = addressOf();
    const count = 1 + pick(memory.packets);
    const size = 1 + pick(MAX_PACKET_BYTES);
    const packets = Array.from({ length: count }, () => bytesOf(next() < 0.9 ? size : 1 + pick(MAX_PACKET_BYTES)));
    for (const [i, packet] of packets.entries()) {
      memory.bytes.set(packet, SLOT_BYTES * i);
      memory.lengths[i] = packet.length;
    }
    // Slots behind the batch hold packets of an earlier one.
    for (let first = 0; first < count; ) {
      const burst = sender.countBurst(first, count);
      expect(sender.send(3, address, first, burst)).toBe(0);
      first += burst;
    }
    const sent = kernel.sent.splice(0);
    expect(sent.every((one) => one.address.equals(bytes))).toBe(true);
    expect(Buffer.concat(sent.flatMap((one) => one.packets)).equals(Buffer.concat(packets))).toBe(true);
    expect(sent.flatMap((one) => one.packets.map(({ length }) => length))).toEqual(packets.map(({ length }) => length));
  }
});

test('a strict kernel reads interleaved frames as their packets', () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const kernel = new StrictKernel();
    const sender = new FrameBurstSender(kernel.functions);
    const { address, bytes } = addressOf();
    const size = 1 + pick(MAX_PACKET_BYTES);
    const packets = Array.from({ length: 1 + pick(16) }, () => bytesOf(size));
    packets.push(bytesOf(1 + pick(size)));
    packets.splice(16);
    const before = pick(100);
    const frames = Buffer.concat([
      bytesOf(before),
      ...packets.flatMap((packet) => [Buffer.of(0x24, 0, packet.length >> 8, packet.length), packet]),
    ]);
    expect(sender.send(3, address, frames, before, packets.length)).toBe(0);
    expect(kernel.sent).toEqual([{ address: bytes, packets }]);
    expect(frames.length - before).toBe(packets.reduce((sum, { length }) => sum + length + FRAME_HEADER_BYTES, 0));
  }
});

test.for(['EIO', 'EINVAL', 'EAGAIN', 'ENOBUFS'] as const)('%s is returned', (name) => {
  const kernel = new StrictKernel();
  const sender = new BurstSender(kernel.functions, new PacketMemory(2));
  kernel.errno = constants.errno[name];
  expect(sender.send(3, addressOf().address, 0, 2)).toBe(constants.errno[name]);
});

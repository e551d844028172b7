import { expect, test } from 'vitest';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { soundFrom } from '../../../test/support/cameras/udp-camera.ts';
import { PacketSplitter } from './packet-splitter.ts';

const PCMU = {
  format: { payloadType: 0, encoding: 'PCMU', clockRate: 8_000, channels: 1, fmtp: new Map() },
  payloadTypes: [0],
};

function split(...chunks: readonly Uint8Array[]): string[] {
  const packets: string[] = [];
  const splitter = new PacketSplitter([PCMU], (chunk, start, end) =>
    packets.push(Buffer.from(chunk.subarray(start, end)).toString('hex')),
  );
  for (const chunk of chunks) {
    splitter.push(chunk);
  }
  return packets;
}

test('packets that are read together are found by their sequence numbers', () => {
  const packets = soundFrom(65_533, 6);
  expect(split(Buffer.concat(packets.slice(0, 4)), Buffer.concat(packets.slice(4)))).toEqual(
    packets.map((packet) => Buffer.from(packet).toString('hex')),
  );
});

test('of damaged data no byte is lost or read twice', () => {
  const next = random(7);
  for (let i = 0; i < 2_000; i += 1) {
    const chunk = mutate(Buffer.concat(soundFrom(0, 4)), next);
    expect(split(chunk).join('')).toBe(Buffer.from(chunk).toString('hex'));
  }
});

import { expect, test } from 'vitest';
import { hex } from '../../../../test/support/media/units.ts';
import { PacketSizeLimit } from './packet-size.ts';

// MQTT 3.1.1 §2.2.3: 64 bytes are `40`, 128 are `80 01`, 16,384 are `80 80 01`.
const packetOf = (length: string, bytes: number): Uint8Array =>
  Buffer.concat([hex(`30 ${length}`), Buffer.alloc(bytes, 0xff)]);
const SMALL = Buffer.concat([hex('d0 00'), packetOf('40', 64), packetOf('80 01', 128), packetOf('80 80 01', 16_384)]);

test.for([1, 3, 7, 1_000, 100_000])('small packets pass, cut every %s bytes', (step) => {
  const limit = new PacketSizeLimit();
  const bytes = Buffer.concat([SMALL, SMALL]);
  expect(() => {
    for (let at = 0; at < bytes.length; at += step) {
      limit.take(bytes.subarray(at, at + step));
    }
  }).not.toThrow();
});

test('a larger one is rejected by its header', () => {
  const limit = new PacketSizeLimit();
  limit.take(SMALL);
  expect(() => limit.take(hex('30 81 80 04'))).toThrow('a packet of 65537 bytes, the limit is 65536');
  expect(() => new PacketSizeLimit().take(hex('30 80 80 04'))).not.toThrow();
  expect(() => new PacketSizeLimit().take(hex('30 ff ff ff 7f'))).toThrow('268435455 bytes');
});

test('a length of five bytes is malformed', () => {
  expect(() => new PacketSizeLimit().take(hex('30 80 80 80 80 01'))).toThrow('malformed packet');
});

test('random bytes are followed or rejected', () => {
  let seed = 1;
  const next = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed;
  };
  for (let run = 0; run < 2_000; run += 1) {
    const limit = new PacketSizeLimit();
    const bytes = Uint8Array.from({ length: 40 }, () => next() & 0xff);
    try {
      limit.take(bytes);
    } catch (error) {
      expect((error as Error).name).toBe('PerchError');
    }
  }
});

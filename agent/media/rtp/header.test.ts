import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { PerchError } from '../../base/errors.ts';
import { RTP_HEADER_BYTES, RtpHeader, writeRtpHeader } from './header.ts';

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

test.for([
  ['plain', '80 e0 0001 00000064 11223344  aabb', 'aabb'],
  ['two CSRCs', '82 60 0001 00000064 11223344 00000001 00000002  aabb', 'aabb'],
  ['extension of one word', '90 60 0001 00000064 11223344 bede0001 00000000  aabb', 'aabb'],
  ['three padding bytes', 'a0 60 0001 00000064 11223344  aabb 000003', 'aabb'],
  ['nothing in it', '80 60 0001 00000064 11223344', ''],
] as const)('payload of a packet with %s', ([, packet, payload]) => {
  const chunk = Uint8Array.of(0x24, 0, 0, 0, ...hex(packet), 0xee);
  const header = new RtpHeader();
  header.parse(chunk, 4, chunk.length - 1);
  expect(chunk.subarray(header.payloadStart, header.payloadEnd)).toEqual(hex(payload));
  expect(header).toMatchObject({ payloadType: 96, sequence: 1, timestamp: 100, ssrc: 0x11223344 });
});

test('the marker is the top bit of the second byte', () => {
  const header = new RtpHeader();
  header.parse(hex('80 e0 ffff fffffffe f1223344'), 0, 12);
  expect(header).toMatchObject({ marker: true, sequence: 65_535, timestamp: 0xffff_fffe, ssrc: 0xf1223344 });
  header.parse(hex('80 60 0001 00000064 11223344'), 0, 12);
  expect(header.marker).toBe(false);
});

test.for([
  ['eleven bytes', '80 60 0001 00000064 112233', 'shorter than its fixed header'],
  ['version 1', '40 60 0001 00000064 11223344', 'RTP version 1'],
  ['a cut extension', '90 60 0001 00000064 11223344 bede', "after the payload's end"],
  ['more padding than payload', 'a0 60 0001 00000064 11223344 ff', "after the payload's end"],
] as const)('rejects %s', ([, packet, message]) => {
  expect(() => new RtpHeader().parse(hex(packet), 0, hex(packet).length)).toThrow(message);
});

test('written packets are parsed, with ticks beyond 2^32 wrapped', () => {
  const out = new Uint8Array(20);
  writeRtpHeader(out, 4, true, 96, 65_535, 2 ** 32 + 5, 0xdeadbeef);
  const header = new RtpHeader();
  header.parse(out, 4, 4 + RTP_HEADER_BYTES);
  expect(header).toMatchObject({ marker: true, payloadType: 96, sequence: 65_535, timestamp: 5, ssrc: 0xdeadbeef });
});

test('random packets give a payload inside the packet or a PerchError', () => {
  const next = random(6);
  const header = new RtpHeader();
  let good = 0;
  for (let i = 0; i < 50_000; i += 1) {
    const packet = Uint8Array.from({ length: Math.floor(next() * 60) }, () => Math.floor(next() * 256));
    packet[0] = 0x80 | ((packet[0] ?? 0) >> 2);
    try {
      header.parse(packet, 0, packet.length);
      good += 1;
      expect(header.payloadStart >= 12 && header.payloadEnd <= packet.length).toBe(true);
      expect(header.payloadStart <= header.payloadEnd).toBe(true);
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
  expect(good).toBeGreaterThan(1_000);
});

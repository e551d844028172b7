import { expect, test } from 'vitest';
import { AUTH_TAG_BYTES, writeRtpHeader } from '../../../media/rtp/header.ts';
import { PacketProtector } from './cm-key-stream.ts';
import { createMasterKey, mikeyOf, srtpKeys } from './master-key.ts';
import { MediaDecryptor } from './media-decryptor.ts';
import { Srtcp } from './srtcp.ts';

const SSRC = 77;
const WRAP = 65_536;

/** A packet with `bytes` of payload. */
function packetOf(sequence: number, bytes: number): Buffer {
  const packet = Buffer.alloc(12 + bytes, sequence);
  writeRtpHeader(packet, 0, false, 96, sequence % WRAP, 0, SSRC);
  return packet;
}

function open(rollOverCounter = 0, mki = Buffer.alloc(0)) {
  const master = createMasterKey();
  const protector = new PacketProtector(master.key, master.salt);
  const message = { ...mikeyOf(master, [{ ssrc: SSRC, rollOverCounter }], 0), mki };
  const protect = (plain: Buffer, index: number): Buffer => {
    const packet = Buffer.concat([plain, Buffer.alloc(AUTH_TAG_BYTES)]);
    protector.protect(packet, index);
    return packet;
  };
  return { master, protect, decryptor: new MediaDecryptor(message) };
}

const read = (decryptor: MediaDecryptor, packet: Buffer) => {
  const plain = decryptor.rtp(packet, 0, packet.length);
  return plain && Buffer.from(plain);
};

test.for([0, 1, 160, 1_440, 4_080, 4_081, 65_513])('a packet with %i bytes of payload is decrypted, once', (bytes) => {
  const { protect, decryptor } = open();
  const plain = packetOf(5, bytes);
  const secured = protect(plain, 5);
  expect(secured.subarray(0, 12)).toEqual(plain.subarray(0, 12));
  const copy = Buffer.from(secured);
  expect(read(decryptor, secured)).toEqual(plain);
  expect(read(decryptor, copy)).toBeUndefined();
});

test('a large packet has the key stream of its blocks', () => {
  const { protect } = open();
  const zeros = (bytes: number) => {
    const packet = Buffer.alloc(12 + bytes);
    writeRtpHeader(packet, 0, false, 96, 9, 0, SSRC);
    return packet;
  };
  const [large, small] = [protect(zeros(5_000), 9 + 3 * WRAP), protect(zeros(4_000), 9 + 3 * WRAP)];
  expect(large.subarray(0, 4_012)).toEqual(small.subarray(0, 4_012));
});

test.for([
  ['as announced', 3, 3 * WRAP + 70],
  ['wrapped since', 3, 4 * WRAP + 70],
  ['before the wrap', 3, 3 * WRAP - 2],
] as const)('a reader that joins late knows the roll-over counter: %s', ([, counter, index]) => {
  const { protect, decryptor } = open(counter);
  const plain = packetOf(index, 100);
  expect(read(decryptor, protect(plain, index))).toEqual(plain);
  const next = packetOf(index + 3, 100);
  expect(read(decryptor, protect(next, index + 3))).toEqual(next);
});

test('changed packets, and those of another key, are rejected', () => {
  const { protect, decryptor } = open();
  const secured = protect(packetOf(5, 100), 5);
  for (const at of [1, 13, 60, secured.length - 1]) {
    const changed = Buffer.from(secured);
    changed[at] = (changed[at] as number) ^ 1;
    expect(read(decryptor, changed)).toBeUndefined();
  }
  expect(read(decryptor, open().protect(packetOf(6, 100), 6))).toBeUndefined();
});

test('what keeps a part of a packet has a copy of it', () => {
  const { protect, decryptor } = open();
  const secured = protect(packetOf(5, 100), 5);
  const kept = decryptor.rtp(secured, 0, secured.length)?.slice(12, 15);
  secured.fill(0);
  expect(kept).toEqual(Uint8Array.of(5, 5, 5));
});

test('a master key identifier precedes the tag, in SRTP and in SRTCP', () => {
  const mki = Buffer.from('aabbccdd', 'hex');
  const { master, protect, decryptor } = open(0, mki);
  const withMki = (packet: Buffer) =>
    Buffer.concat([packet.subarray(0, -AUTH_TAG_BYTES), mki, packet.subarray(-AUTH_TAG_BYTES)]);
  const plain = packetOf(5, 100);
  expect(read(decryptor, withMki(protect(plain, 5)))).toEqual(plain);
  const report = Buffer.from('80c900010000004d', 'hex');
  const secured = withMki(new Srtcp(srtpKeys(master, master)).protect(report));
  expect(decryptor.rtcp(secured, 0, secured.length)).toEqual(report);
  expect(decryptor.rtp(Buffer.alloc(3), 0, 3)).toBeUndefined();
  expect(decryptor.rtcp(Buffer.alloc(3), 0, 3)).toBeUndefined();
});

import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { random } from '../../../../test/support/base/random.ts';
import type { RtpFormat } from '../../../media/payload/depacketizer.ts';
import { Timeline } from '../../../stream/ingest/timeline.ts';
import { InboundTrack } from './inbound-track.ts';

const H264: RtpFormat = { payloadType: 96, encoding: 'H264', clockRate: 90_000, channels: 1, fmtp: new Map() };
const RTX: RtpFormat = { ...H264, payloadType: 97, encoding: 'RTX', fmtp: new Map([['apt', '96']]) };

function open() {
  const clock = new FakeClock();
  const units: Uint8Array[] = [];
  const output = {
    onUnit: (_receiver: unknown, _pts: number, _dts: number, _key: boolean, data: Uint8Array) => units.push(data),
    onTrack: () => {},
    onDamage: () => {},
  };
  const remote = {
    kind: 'video',
    format: H264,
    rtx: RTX,
    takesNack: true,
    takesPli: false,
    takesEstimate: false,
    hasReducedSize: true,
  };
  const track = new InboundTrack(remote, new Timeline(clock), output, clock);
  return { track, units };
}

/** A packet with CSRCs, extension and padding, as the bits say. */
function packetOf(flags: number, payloadType: number, sequence: number, body: Buffer): Buffer {
  const header = Buffer.alloc(12);
  header[0] = 0x80 | (flags & 0x3f);
  header[1] = payloadType;
  header.writeUInt16BE(sequence, 2);
  header.writeUInt32BE(7, 8);
  return Buffer.concat([header, body]);
}

test('a repetition with sources, an extension and padding is the packet that it repeats', () => {
  const { track, units } = open();
  const idr = Buffer.from('65888421', 'hex');
  const sets = Buffer.from('67 42c01e d901e284 68 ce3c80'.replaceAll(' ', ''), 'hex');
  // STAP-A with both sets, a key picture that is lost, and the picture after it.
  const parameterSets = Buffer.concat([
    Buffer.from([0x78, 0, 8]),
    sets.subarray(0, 8),
    Buffer.from([0, 4]),
    sets.subarray(8),
  ]);
  track.push(packetOf(0, 96, 10, parameterSets), 12 + parameterSets.length, 0);
  const last = packetOf(0, 0x80 | 96, 12, Buffer.from('41e2', 'hex'));
  last.writeUInt32BE(3_000, 4);
  track.push(last, last.length, 0);
  expect(units).toHaveLength(0);
  const lost = Buffer.concat([
    Buffer.from('00000001 00000002 bede0001 11223344 000b'.replaceAll(' ', ''), 'hex'),
    idr,
    Buffer.from('000002', 'hex').subarray(1),
  ]);
  const repetition = packetOf(0x32, 0x80 | 97, 5_000, lost);
  track.pushRepair(repetition, repetition.length, 5);
  expect(units.map((unit) => Buffer.from(unit).toString('hex'))).toEqual(['0000000465888421', '0000000241e2']);
  expect(track.nack?.repaired).toBe(1);
});

test('no packets cause an exception, and the list of missing ones is bounded', () => {
  const { track } = open();
  const next = random(4588);
  let sequence = 0;
  for (let i = 0; i < 20_000; i += 1) {
    const body = Buffer.from(Array.from({ length: Math.floor(next() * 40) }, () => Math.floor(next() * 256)));
    const flags = next() < 0.5 ? 0 : Math.floor(next() * 64);
    sequence = (sequence + Math.floor(next() * (next() < 0.99 ? 4 : 2_000))) & 0xffff;
    const packet = packetOf(flags, next() < 0.5 ? 96 : 97, sequence, body);
    if (next() < 0.6) {
      track.push(packet, packet.length, i);
    } else {
      track.pushRepair(packet, packet.length, i);
    }
    track.flush(i);
    expect(track.nack?.collect(i, new Uint16Array(256))).toBeLessThanOrEqual(256);
  }
  expect(track.receiver.packets).toBeGreaterThan(1_000);
});

import { expect, test } from 'vitest';
import {
  GenericNack,
  PictureLossIndication,
  ReceiverEstimatedMaxBitrate,
  RtcpPacketConverter,
  type RtcpPayloadSpecificFeedback,
  type RtcpTransportLayerFeedback,
} from 'werift';
import { writePli } from '../../../media/rtcp/write.ts';
import { writeEstimate, writeNack } from '../../../transports/webrtc/receiving/sender-feedback.ts';

const nackOf = (...sequences: readonly number[]): Buffer =>
  writeNack(7, 9, Uint16Array.from(sequences), sequences.length);

/** Reads a packet with another implementation. */
const readFeedback = (packet: Buffer) =>
  (RtcpPacketConverter.deSerialize(packet)[0] as RtcpPayloadSpecificFeedback | RtcpTransportLayerFeedback).feedback;

test('a key frame request (PLI)', () => {
  const pli = Buffer.from(writePli(7, 9));
  expect(pli.toString('hex')).toBe('81ce00020000000700000009');
  expect(readFeedback(pli)).toMatchObject({ senderSsrc: 7, mediaSsrc: 9 });
  expect(readFeedback(pli)).toBeInstanceOf(PictureLossIndication);
});

test.for([
  ['one packet', [5], '0005 0000'],
  ['the next 16 with it', [5, 6, 21], '0005 8001'],
  ['one beyond them', [5, 22], '0005 0000 0016 0000'],
  ['across the wrap', [0xffff, 0, 15], 'ffff 8001'],
] as const)('missing packets: %s', ([, sequences, items]) => {
  const packet = nackOf(...sequences);
  expect(packet.subarray(12).toString('hex')).toBe(items.replaceAll(' ', ''));
  expect(packet.readUInt16BE(2)).toBe(packet.length / 4 - 1);
});

test('missing packets are read by another implementation', () => {
  const feedback = readFeedback(nackOf(5, 6, 21, 300)) as GenericNack;
  expect(feedback).toBeInstanceOf(GenericNack);
  expect(feedback).toMatchObject({ senderSsrc: 7, mediaSourceSsrc: 9, lost: [5, 6, 21, 300] });
});

test('a NACK lists only the first `count` packets', () => {
  expect(
    writeNack(7, 9, Uint16Array.from([5, 6]), 1)
      .subarray(12)
      .toString('hex'),
  ).toBe('00050000');
});

test.for([150_000, 3_000_000, 2 ** 18 - 1, 2 ** 18, 100_000_000])('what may be sent: %i bit/s', (bitsPerSecond) => {
  const packet = writeEstimate(7, bitsPerSecond, [9, 10]);
  const feedback = readFeedback(packet) as ReceiverEstimatedMaxBitrate;
  expect(feedback).toBeInstanceOf(ReceiverEstimatedMaxBitrate);
  expect(feedback.ssrcFeedbacks).toEqual([9, 10]);
  const logged = Number(feedback.bitrate);
  expect(logged).toBeLessThanOrEqual(bitsPerSecond);
  expect(logged).toBeGreaterThan(bitsPerSecond * (1 - 2 ** -17));
});

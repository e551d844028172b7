import { expect, test } from 'vitest';
import {
  GenericNack,
  PictureLossIndication,
  ReceiverEstimatedMaxBitrate,
  RtcpPayloadSpecificFeedback,
  RtcpReceiverInfo,
  RtcpRrPacket,
  RtcpTransportLayerFeedback,
} from 'werift';
import { random } from '../../../../test/support/base/random.ts';
import { type RtcpSink, readRtcp } from './rtcp.ts';

const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ''), 'hex');

class Heard implements RtcpSink {
  readonly events: string[] = [];
  onReport(ssrc: number, lost: number, highest: number, lastReport: number, delay: number): void {
    const sender = lastReport === 0 ? '' : ` after ${delay} of ${lastReport.toString(16)}`;
    this.events.push(`${ssrc.toString(16)} lost ${lost} up to ${highest}${sender}`);
  }
  onPictureLoss(ssrc: number): void {
    this.events.push(`picture loss ${ssrc.toString(16)}`);
  }
  onNack(ssrc: number, sequence: number, following: number): void {
    this.events.push(`nack ${ssrc.toString(16)} ${sequence} ${following.toString(2)}`);
  }
  onEstimate(bitsPerSecond: number): void {
    this.events.push(`estimate ${bitsPerSecond}`);
  }
}

const heard = (bytes: Uint8Array): string[] => {
  const sink = new Heard();
  readRtcp(bytes, sink);
  return sink.events;
};

const REPORT = '81c90007 00000001 cafebabe 10000005 00010203 0000002a 0abcdef0 00008000';
const NACK = '81cd0003 00000001 cafebabe 00100007';
const PLI = '81ce0002 00000001 cafebabe';
const FIR = '84ce0006 00000001 00000000 cafebabe 01000000 12345678 02000000';
const ESTIMATE = '8fce0005 00000001 00000000 52454d42 010aaaaa cafebabe';

test.for([
  ['a receiver report', REPORT, ['cafebabe lost 5 up to 66051 after 32768 of abcdef0']],
  [
    'more duplicates than losses, before any sender report',
    '81c90007 00000001 cafebabe 00ffffff 00010203 0000002a 00000000 00000000',
    ['cafebabe lost -1 up to 66051'],
  ],
  ['a NACK of one packet and three after it', NACK, ['nack cafebabe 16 111']],
  [
    'a NACK with two words',
    '81cd0004 00000001 cafebabe 0010ffff 00ff0000',
    ['nack cafebabe 16 1111111111111111', 'nack cafebabe 255 0'],
  ],
  ['a picture loss', PLI, ['picture loss cafebabe']],
  ['a full intra request of two tracks', FIR, ['picture loss cafebabe', 'picture loss 12345678']],
  ['an estimate', ESTIMATE, [`estimate ${0x2aaaa * 4}`]],
  [
    'a compound, of which each part has its own length,',
    `${REPORT} ${NACK} ${ESTIMATE}`,
    ['cafebabe lost 5 up to 66051 after 32768 of abcdef0', 'nack cafebabe 16 111', `estimate ${0x2aaaa * 4}`],
  ],
  ['what follows an unknown part', `80cc0001 00000001 ${PLI}`, ['picture loss cafebabe']],
] as const)('%s is read', ([, bytes, events]) => {
  expect(heard(hex(bytes))).toEqual(events);
});

test.for([
  ['a picture loss without its SSRC', '81ce0001 00000001'],
  ['a NACK without its SSRC', '81cd0001 00000001'],
  ['half a full intra request', '84ce0003 00000001 00000000 cafebabe'],
  ['a part longer than the packet', '81ce0003 00000001 cafebabe'],
  ['version 1', '41ce0002 00000001 cafebabe'],
  ['more reports announced than there', '9fc90001 00000001'],
  ['another application message', '8fce0005 00000001 00000000 58585858 010aaaaa cafebabe'],
  ['nothing', ''],
] as const)('%s says nothing', ([, bytes]) => {
  expect(heard(hex(bytes))).toEqual([]);
});

test('thirty thousand damaged packets neither throw nor say more than fits into them', () => {
  const next = random(3);
  const pick = (limit: number): number => Math.floor(next() * limit);
  const parts = [REPORT, NACK, PLI, FIR, ESTIMATE].map(hex);
  for (let i = 0; i < 30_000; i += 1) {
    const packet = Buffer.concat(Array.from({ length: 1 + pick(4) }, () => parts[pick(parts.length)] as Buffer));
    for (let damage = pick(4); damage >= 0; damage -= 1) {
      packet[pick(packet.length)] = pick(256);
    }
    const cut = packet.subarray(0, next() < 0.3 ? pick(packet.length) : packet.length);
    expect(heard(cut).length).toBeLessThanOrEqual(cut.length / 4);
  }
});

test('packets of another implementation are read, each part within its length', () => {
  const [senderSsrc, mediaSourceSsrc] = [7, 0xcafebabe];
  const info = {
    ssrc: mediaSourceSsrc,
    fractionLost: 3,
    packetsLost: 9,
    highestSequence: 70_000,
    jitter: 5,
    lsr: 6,
    dlsr: 8,
  };
  const compound = Buffer.concat([
    new RtcpRrPacket({ ssrc: senderSsrc, reports: [new RtcpReceiverInfo(info)] }).serialize(),
    new RtcpTransportLayerFeedback({
      feedback: new GenericNack({ senderSsrc, mediaSourceSsrc, lost: [100, 101, 116, 117] }),
    }).serialize(),
    new RtcpPayloadSpecificFeedback({
      feedback: new PictureLossIndication({ senderSsrc, mediaSsrc: mediaSourceSsrc }),
    }).serialize(),
    new RtcpPayloadSpecificFeedback({
      feedback: new ReceiverEstimatedMaxBitrate({
        senderSsrc,
        mediaSsrc: 0,
        ssrcNum: 1,
        brExp: 3,
        brMantissa: 200_000,
        ssrcFeedbacks: [mediaSourceSsrc],
      }),
    }).serialize(),
  ]);
  expect(heard(compound)).toEqual([
    'cafebabe lost 9 up to 70000 after 8 of 6',
    'nack cafebabe 100 1000000000000001',
    'nack cafebabe 117 0',
    'picture loss cafebabe',
    'estimate 1600000',
  ]);
});

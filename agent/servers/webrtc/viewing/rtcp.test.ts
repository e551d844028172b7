import { expect, test } from 'vitest';
import { RtcpPacketConverter, RtcpSourceDescriptionPacket, RtcpSrPacket } from 'werift';
import { random } from '../../../../test/random.ts';
import { type RtcpSink, readRtcp, writeSenderReport } from './rtcp.ts';

const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ''), 'hex');

class Heard implements RtcpSink {
  readonly events: string[] = [];
  onReport(ssrc: number, lost: number, jitterTicks: number): void {
    this.events.push(`report ${ssrc.toString(16)} lost ${lost} jitter ${jitterTicks}`);
  }
  onPictureLoss(): void {
    this.events.push('picture loss');
  }
  onNack(lost: number): void {
    this.events.push(`nack ${lost}`);
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

const REPORT = '81c90007 00000001 cafebabe 10000005 00010203 0000002a 00000000 00000000';
const NACK = '81cd0003 00000001 cafebabe 00100007';
const PLI = '81ce0002 00000001 cafebabe';
const FIR = '84ce0004 00000001 00000000 cafebabe 01000000';
const ESTIMATE = '8fce0005 00000001 00000000 52454d42 010aaaaa cafebabe';

test.for([
  ['a receiver report', REPORT, ['report cafebabe lost 5 jitter 42']],
  ['more duplicates than losses', REPORT.replace('10000005', '00ffffff'), ['report cafebabe lost -1 jitter 42']],
  ['a NACK of one packet and three after it', NACK, ['nack 4']],
  ['a NACK with two words', '81cd0004 00000001 cafebabe 0010ffff 00ff0000', ['nack 18']],
  ['a picture loss', PLI, ['picture loss']],
  ['a full intra request', FIR, ['picture loss']],
  ['an estimate', ESTIMATE, [`estimate ${0x2aaaa * 4}`]],
  [
    'a compound: each part has its own length',
    `${REPORT} ${NACK} ${ESTIMATE}`,
    ['report cafebabe lost 5 jitter 42', 'nack 4', `estimate ${0x2aaaa * 4}`],
  ],
  ['a part that nobody knows', `80cc0001 00000001 ${PLI}`, ['picture loss']],
] as const)('%s is read', ([, bytes, events]) => {
  expect(heard(hex(bytes))).toEqual(events);
});

test.for([
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
    expect(heard(cut).length).toBeLessThanOrEqual(cut.length / 8);
  }
});

test('another implementation reads the sender report and the name', () => {
  const wallMs = Date.UTC(2026, 0, 2, 3, 4, 5, 250);
  const facts = { ssrc: 0xcafebabe, wallMs, timestamp: 90_000, packets: 10, octets: 12_345, cname: 'one name' };
  const [report, name] = RtcpPacketConverter.deSerialize(Buffer.from(writeSenderReport(facts)));
  expect(report).toBeInstanceOf(RtcpSrPacket);
  expect(report).toMatchObject({
    ssrc: 0xcafebabe,
    senderInfo: { rtpTimestamp: 90_000, packetCount: 10, octetCount: 12_345 },
  });
  const ntp = (report as RtcpSrPacket).senderInfo.ntpTimestamp;
  expect(Number(ntp >> 32n) - 2_208_988_800).toBe(wallMs / 1000 - 0.25);
  expect(Number(ntp & 0xffffffffn) / 2 ** 32).toBe(0.25);
  expect(name).toBeInstanceOf(RtcpSourceDescriptionPacket);
  expect((name as RtcpSourceDescriptionPacket).chunks[0]?.items[0]).toMatchObject({ type: 1, text: 'one name' });
});

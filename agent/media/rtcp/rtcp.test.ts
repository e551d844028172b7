import { expect, test } from 'vitest';
import { RtcpPacketConverter, RtcpSourceDescriptionPacket, RtcpSrPacket } from 'werift';
import { random } from '../../../test/support/base/random.ts';
import { PerchError } from '../../base/errors.ts';
import { parseRtcp, type SenderInfo } from './parse.ts';
import { writeBye, writeEmptyReport, writeReceiverReport, writeSenderReport } from './write.ts';

class Log {
  readonly reports: SenderInfo[] = [];
  readonly byes: number[] = [];
  onSenderReport = (info: SenderInfo): void => {
    this.reports.push(info);
  };
  onBye = (ssrc: number): void => {
    this.byes.push(ssrc);
  };
}

function read(packet: Uint8Array): Log {
  const log = new Log();
  parseRtcp(packet, 0, packet.length, log);
  return log;
}

const unixMs = Date.UTC(2026, 10, 20, 7, 30) + 123.25;
const senderReport = writeSenderReport({ ssrc: 5, unixMs, ticks: 2 ** 32 + 77, packets: 3, payloadBytes: 9 }, 'perch');
const reception = {
  ssrc: 1,
  sourceSsrc: 0xdeadbeef,
  fractionLost: 0.5,
  lost: 3,
  highest: 70_000,
  jitterTicks: 0,
  lastReport: 0x11223344,
  sinceLastReportMs: 2000,
};

test('a sender report is read back', () => {
  const report = read(senderReport).reports[0];
  expect(report).toMatchObject({ ssrc: 5, timestamp: 77 });
  expect(report?.unixMs).toBeCloseTo(unixMs, 3);
});

test('another implementation reads the sender report and the name', () => {
  const wallMs = Date.UTC(2026, 0, 2, 3, 4, 5, 250);
  const facts = { ssrc: 0xcafebabe, unixMs: wallMs, ticks: 90_000, packets: 10, payloadBytes: 12_345 };
  const [report, name] = RtcpPacketConverter.deSerialize(Buffer.from(writeSenderReport(facts, 'one name')));
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

test('the middle of the NTP time names the report', () => {
  const view = new DataView(senderReport.buffer);
  const middle = ((view.getUint32(8) & 0xffff) * 0x10000 + (view.getUint32(12) >>> 16)) >>> 0;
  expect(read(senderReport).reports[0]?.ntpMiddle).toBe(middle);
});

test('a receiver report has the fields of the standard, followed by a source description', () => {
  const packet = writeReceiverReport(reception, 'perch');
  // Report block: source, fraction and lost, highest, jitter, last report, delay; then the name, ended and padded.
  expect(Buffer.from(packet).toString('hex')).toBe(
    ['81c90007 00000001 deadbeef 80000003 00011170 00000000 11223344 00020000', '81ca0003 00000001 0105 7065726368 00']
      .join('')
      .replaceAll(' ', ''),
  );
});

test('without reports a compound packet begins with an empty receiver report', () => {
  const packet = Buffer.from(writeEmptyReport(1, 'perch'));
  expect(packet.toString('hex')).toBe('80c9000100000001' + '81ca0003000000010105706572636800');
  const [report, name] = RtcpPacketConverter.deSerialize(packet);
  expect(report).toMatchObject({ type: 201, ssrc: 1, reports: [] });
  expect(name).toBeInstanceOf(RtcpSourceDescriptionPacket);
});

test.for([
  ['a receiver report', writeReceiverReport(reception, 'p'), [[0xdeadbeef, 3]]],
  [
    'a sender report with a block, and duplicates',
    Uint8Array.from([
      ...[0x81, 200, 0, 12, 0, 0, 0, 5, ...new Uint8Array(20)],
      ...[0, 0, 0, 7, 0, 0xff, 0xff, 0xfe, ...new Uint8Array(16)],
    ]),
    [[7, -2]],
  ],
  ['more blocks than there is room for', Uint8Array.of(0x9f, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2), []],
] as const)('losses in a receiver report are read from %s', ([, packet, expected]) => {
  const receptions: [number, number][] = [];
  const sink = {
    onSenderReport: () => {},
    onBye: () => {},
    onReception: (...block: [number, number]) => receptions.push(block),
  };
  parseRtcp(packet, 0, packet.length, sink);
  expect(receptions).toEqual(expected);
});

test('without a sender report the delay since it is 0', () => {
  const packet = writeReceiverReport({ ...reception, lastReport: 0 }, 'x');
  expect(new DataView(packet.buffer).getUint32(28)).toBe(0);
});

test('a BYE is found after other packets', () => {
  const compound = Uint8Array.from([...writeReceiverReport(reception, 'p'), ...writeBye(9)]);
  expect(read(compound).byes).toEqual([9]);
});

test('a packet that claims to be longer than the compound ends it', () => {
  const cut = senderReport.slice(0, 24);
  expect(read(cut).reports).toEqual([]);
});

test.for([
  ['three bytes', Uint8Array.of(0x80, 200, 0), 'shorter than its header'],
  ['version 1', Uint8Array.of(0x40, 200, 0, 0), 'RTCP version 1'],
] as const)('%s is refused', ([, packet, message]) => {
  expect(() => read(packet)).toThrow(message);
});

test('mutated compounds give reports or a PerchError', () => {
  const next = random(7);
  const seed = Uint8Array.from([...senderReport, ...writeReceiverReport(reception, 'p'), ...writeBye(9)]);
  let found = 0;
  for (let i = 0; i < 10_000; i += 1) {
    const packet = seed.slice(0, 1 + Math.floor(next() * seed.length));
    packet[Math.floor(next() * packet.length)] = Math.floor(next() * 256);
    try {
      found += read(packet).reports.length;
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
  expect(found).toBeGreaterThan(1_000);
});

// @also without-ffi in long

import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { UdpPair } from '../../../../test/support/clients/webrtc/udp-pair.ts';
import { H264_TRACK } from '../../../../test/support/media/tracks.ts';
import { parseRtcp } from '../../../media/rtcp/parse.ts';
import { writeReceiverReport } from '../../../media/rtcp/write.ts';
import { RtpHeader } from '../../../media/rtp/header.ts';
import type { Transport } from '../../../media/rtsp/transport.ts';
import type { G711Track } from '../../../media/sample/track.ts';
import { Stream } from '../../../stream/stream.ts';
import { UdpDelivery } from './udp-delivery.ts';
import { UdpPorts } from './udp-ports.ts';

const G711: G711Track = { kind: 'audio', codec: 'g711', law: 'a', clockRate: 8000, channels: 1 };
const unicast: Transport = { protocol: 'udp', isSecure: false, isMulticast: false };
/** A sample of one NAL unit. */
function nalu(bytes: number, header = 0x41): Uint8Array {
  const data = new Uint8Array(4 + bytes).fill(7);
  new DataView(data.buffer).setUint32(0, bytes);
  data[4] = header;
  return data;
}

const picture = (pts: number, key: boolean, bytes: number) => ({
  pts,
  dts: pts,
  wall: 1_000 + pts / 90,
  key,
  data: nalu(bytes, key ? 0x65 : 0x41),
});

async function open(stream: Stream) {
  const ports = new UdpPorts();
  await ports.listen({
    keys: { rtp: 'rtpAddress', rtcp: 'rtcpAddress' },
    rtpAddress: '127.0.0.1:0',
    rtcpAddress: '127.0.0.1:0',
    readBufferBytes: 0,
  });
  const clock = new FakeClock();
  const ends: string[] = [];
  const owner = { onMediaEnd: (reason: string) => ends.push(reason), writeFrames: () => {} };
  const delivery = new UdpDelivery(
    { name: 'garden', stream, ip: '127.0.0.1', wantsPlaceholders: false, owner },
    ports,
    { maxPayloadBytes: 1440, isSecure: false },
    clock,
  );
  const close = async () => {
    delivery.close();
    await ports.close();
  };
  return { ports, clock, ends, delivery, [Symbol.asyncDispose]: close };
}

function sequencesOf(datagrams: readonly Buffer[]): number[] {
  const header = new RtpHeader();
  return datagrams.map((datagram) => {
    header.parse(datagram, 0, datagram.length);
    return header.sequence;
  });
}

test('SETUP is answered with both sides’ ports and the SSRC of the packets', async () => {
  const stream = new Stream([H264_TRACK]);
  await using server = await open(stream);
  await using reader = await UdpPair.open();
  const answer = server.delivery.setUp(0, { ...unicast, clientPort: reader.ports });
  expect(answer).toMatchObject({
    protocol: 'udp',
    isMulticast: false,
    clientPort: reader.ports,
    serverPort: [server.ports.rtpPort, server.ports.rtcpPort],
  });
  server.delivery.start();
  server.delivery.flow();
  stream.write(0, picture(0, true, 10));
  await reader.until(() => reader.rtp.length === 2);
  const header = new RtpHeader();
  header.parse(reader.rtp[0] as Buffer, 0, (reader.rtp[0] as Buffer).length);
  expect(header.ssrc).toBe(answer.ssrc);
  expect(() => server.delivery.setUp(0, unicast)).toThrow('without client_port');
});

test('a reader begins with the whole group, each packet once and in order', async () => {
  const stream = new Stream([H264_TRACK]);
  await using server = await open(stream);
  await using reader = await UdpPair.open();
  stream.write(0, picture(0, true, 200_000));
  stream.write(0, picture(3_000, false, 20_000));
  server.delivery.setUp(0, { ...unicast, clientPort: reader.ports });
  const [start] = server.delivery.start();
  server.delivery.flow();
  await reader.until(() => reader.rtp.length === 16);
  const total = 1 + Math.ceil(199_999 / 1438) + Math.ceil(19_999 / 1438);
  while (reader.rtp.length < total) {
    const before = reader.rtp.length;
    await server.clock.advance(2);
    await reader.until(() => reader.rtp.length >= Math.min(total, before + 16));
  }
  const first = start?.sequence ?? -1;
  expect(sequencesOf(reader.rtp)).toEqual(Array.from({ length: total }, (_, i) => (first + i) & 0xffff));
  expect(server.delivery.sent).toMatchObject({ rtpPackets: total, discarded: 0 });
  expect(server.delivery.sent.bytes).toBe(
    reader.rtp.reduce((sum, { length }) => sum + length, 0) + reader.rtcp.reduce((sum, { length }) => sum + length, 0),
  );
});

test('tracks that were not set up are not sent', async () => {
  const stream = new Stream([H264_TRACK, G711]);
  await using server = await open(stream);
  await using reader = await UdpPair.open();
  stream.write(0, picture(0, true, 10));
  stream.write(1, { pts: 0, dts: 0, wall: 1_000, key: true, data: new Uint8Array(160) });
  server.delivery.setUp(1, { ...unicast, clientPort: reader.ports });
  const starts = server.delivery.start();
  server.delivery.flow();
  expect(starts.map(({ track }) => track)).toEqual([1]);
  await reader.until(() => reader.rtp.length === 1 && reader.rtcp.length === 1);
  expect(server.delivery.sent).toMatchObject({ rtpPackets: 1, rtcpPackets: 1 });
});

test('RTCP of the reader is counted and keeps the session alive', async () => {
  const stream = new Stream([H264_TRACK]);
  await using server = await open(stream);
  await using reader = await UdpPair.open();
  const { ssrc = 0 } = server.delivery.setUp(0, { ...unicast, clientPort: reader.ports });
  const report = { ssrc: 1, fractionLost: 0, highest: 9, jitterTicks: 0, lastReport: 0, sinceLastReportMs: 0 };
  const { rtcpPort } = server.ports;
  await server.clock.advance(5_000);
  await reader.send('rtcp', writeReceiverReport({ ...report, sourceSsrc: ssrc, lost: 3 }, 'x'), rtcpPort);
  await reader.send('rtcp', writeReceiverReport({ ...report, sourceSsrc: ssrc ^ 1, lost: 90 }, 'x'), rtcpPort);
  await reader.send('rtcp', Buffer.from('no report'), rtcpPort);
  while (server.delivery.received.rtcpPackets < 3) {
    await server.clock.advance(0);
  }
  expect(server.delivery.sent.reportedLost).toBe(3);
  expect(server.delivery.received).toMatchObject({ rtcpInError: 1 });
  expect(server.delivery.lastReceivedMs).toBe(5_000);
});

test('PAUSE stops the packets, and PLAY continues at the last key frame', async () => {
  const stream = new Stream([H264_TRACK]);
  await using server = await open(stream);
  await using reader = await UdpPair.open();
  server.delivery.setUp(0, { ...unicast, clientPort: reader.ports });
  server.delivery.start();
  server.delivery.flow();
  stream.write(0, picture(0, true, 10));
  server.delivery.stop();
  expect(stream.readers).toEqual([]);
  stream.write(0, picture(3_000, false, 10));
  server.delivery.start();
  server.delivery.flow();
  await reader.until(() => reader.rtp.length === 2 + 3);
  expect(server.ends).toEqual([]);
});

test('the end of the stream reaches the reader (BYE) and the session', async () => {
  const stream = new Stream([H264_TRACK]);
  await using server = await open(stream);
  await using reader = await UdpPair.open();
  const { ssrc } = server.delivery.setUp(0, { ...unicast, clientPort: reader.ports });
  server.delivery.start();
  server.delivery.flow();
  stream.close();
  await reader.until(() => reader.rtcp.length === 1);
  const byes: number[] = [];
  const bye = reader.rtcp[0] as Buffer;
  parseRtcp(bye, 0, bye.length, { onSenderReport: () => {}, onBye: (source) => byes.push(source) });
  expect(byes).toEqual([ssrc]);
  expect(server.ends).toEqual(['the stream has ended']);
});

test('a reader on a congested network loses whole GOPs and continues at a key frame', async () => {
  const stream = new Stream([H264_TRACK]);
  await using server = await open(stream);
  await using reader = await UdpPair.open();
  server.delivery.setUp(0, { ...unicast, clientPort: reader.ports });
  server.delivery.start();
  server.delivery.flow();
  // No tick: nothing but the first burst leaves.
  for (let i = 0; i < 5; i += 1) {
    stream.write(0, picture(i * 3_000, i === 0, 4 << 20));
  }
  const dropped = server.delivery.sent.discarded;
  expect(dropped).toBeGreaterThan(10_000);
  await reader.until(() => reader.rtp.length === 16);
  await server.clock.advance(100);
  expect(server.delivery.sent.rtpPackets).toBe(16);
  stream.write(0, picture(90_000, true, 10));
  await server.clock.advance(2);
  await reader.until(() => reader.rtp.length === 18);
  expect(sequencesOf(reader.rtp.slice(-2))).toEqual(
    sequencesOf(reader.rtp.slice(0, 1)).flatMap((first) => {
      const key = (first + 16 + dropped) & 0xffff;
      return [key, (key + 1) & 0xffff];
    }),
  );
});

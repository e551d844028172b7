import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import type { Frame, RtspCaller } from '../../../../test/support/clients/rtsp-caller.ts';
import { RtspHarness } from '../../../../test/support/harness/servers/rtsp-harness.ts';
import { H264_TRACK } from '../../../../test/support/media/tracks.ts';
import { parseRtcp, type SenderInfo } from '../../../media/rtcp/parse.ts';
import { writeReceiverReport } from '../../../media/rtcp/write.ts';
import { RtpHeader } from '../../../media/rtp/header.ts';
import type { HeaderField, RtspResponse } from '../../../media/rtsp/message.ts';
import { parseTransport } from '../../../media/rtsp/transport.ts';
import type { Track } from '../../../media/sample/track.ts';
import { Stream } from '../../../stream/stream.ts';
import { TcpDelivery } from './tcp-delivery.ts';

const ALAW: Track = { kind: 'audio', codec: 'g711', law: 'a', clockRate: 8000, channels: 1 };

/** A coded picture of `bytes` bytes: a length and one NAL unit. */
function picture(key: boolean, bytes = 20): Uint8Array {
  const data = new Uint8Array(4 + bytes);
  new DataView(data.buffer).setUint32(0, bytes);
  data[4] = key ? 0x65 : 0x41;
  return data;
}

interface Camera {
  readonly stream: Stream;
  /** One picture, 40 ms after the last. */
  film(key: boolean, bytes?: number): void;
  /** 20 ms of sound. */
  hear(): void;
}

function cameraOf(box: RtspHarness, gopCacheBytes?: number): Camera {
  const stream = new Stream([H264_TRACK, ALAW], gopCacheBytes === undefined ? {} : { gopCacheBytes });
  box.paths.streams.set('cam', stream);
  let pictures = 0;
  let sounds = 0;
  return {
    stream,
    film: (key, bytes) => {
      const pts = 3600 * pictures;
      pictures += 1;
      stream.write(0, { pts, dts: pts, wall: box.clock.wallMs(), key, data: picture(key, bytes) });
    },
    hear: () => {
      const pts = 160 * sounds;
      sounds += 1;
      stream.write(1, { pts, dts: pts, wall: box.clock.wallMs(), key: true, data: new Uint8Array(160) });
    },
  };
}

const tcp = (channels: string): HeaderField => ['Transport', `RTP/AVP/TCP;unicast;interleaved=${channels}`];

async function play(
  box: RtspHarness,
  setups: readonly (readonly [track: number, channels: string])[],
): Promise<[RtspCaller, RtspResponse]> {
  const caller = await box.call();
  for (const [track, channels] of setups) {
    await caller.ask('SETUP', box.url(`cam/trackID=${track}`), [tcp(channels)]);
  }
  return [caller, await caller.ask('PLAY', box.url('cam/'))];
}

const USUAL = [
  [0, '0-1'],
  [1, '2-3'],
] as const;

function headerOf({ payload }: Frame): RtpHeader {
  const header = new RtpHeader();
  header.parse(payload, 0, payload.length);
  return header;
}

const isVideo = ({ channel }: Frame) => channel === 0;

test('a reader gets the current GOP directly after the answer to PLAY, then each sample on arrival', async () => {
  await using box = await RtspHarness.open();
  const camera = cameraOf(box);
  camera.film(true);
  camera.film(false);
  camera.hear();
  const [caller] = await play(box, USUAL);
  await caller.until(() => caller.frames.filter(({ channel }) => channel % 2 === 0).length >= 4);
  // Parameter sets in one packet, the key picture, the next picture, a sound; reports before each track's first packet.
  expect(caller.order).toEqual([
    ...['status 200', 'status 200', 'status 200', 'channel 1', 'channel 3'],
    ...['channel 0', 'channel 0', 'channel 0', 'channel 2'],
  ]);
  camera.film(false);
  await caller.until(() => caller.frames.filter(isVideo).length === 4);
  const sequences = caller.frames.filter(isVideo).map((frame) => headerOf(frame).sequence);
  expect(sequences).toEqual(sequences.map((_, i) => ((sequences[0] ?? 0) + i) & 0xffff));
});

test('RTP-Info names the first packet of each track, and one moment for all', async () => {
  await using box = await RtspHarness.open();
  const camera = cameraOf(box);
  camera.hear();
  camera.film(false);
  camera.film(true);
  camera.hear();
  camera.hear();
  const [caller, reply] = await play(box, USUAL);
  await caller.until(() => caller.frames.filter(({ channel }) => channel % 2 === 0).length >= 4);
  const first = (channel: number) => headerOf(caller.frames.find((frame) => frame.channel === channel) as Frame);
  const info = (reply.headers.get('RTP-Info') ?? '')
    .split(',')
    .map((entry) => new URLSearchParams(entry.replaceAll(';', '&')));
  expect(info.map((entry) => entry.get('url'))).toEqual([box.url('cam/trackID=0'), box.url('cam/trackID=1')]);
  expect(info.map((entry) => Number(entry.get('seq')))).toEqual([first(0).sequence, first(2).sequence]);
  // The sound begins 20 ms after the start, the picture 40 ms: both times are of 20 ms.
  const [video, audio] = info.map((entry) => Number(entry.get('rtptime')));
  expect((first(0).timestamp - (video ?? 0)) >>> 0).toBe(1800);
  expect((first(2).timestamp - (audio ?? 0)) >>> 0).toBe(0);
});

test('RTP-Info omits a track without data or without SETUP', async () => {
  await using box = await RtspHarness.open();
  const camera = cameraOf(box);
  camera.film(true);
  const [, video] = await play(box, USUAL);
  expect(video.headers.get('RTP-Info')).toContain('trackID=0');
  expect(video.headers.get('RTP-Info')).not.toContain('trackID=1');
  camera.hear();
  const [, audio] = await play(box, [[1, '0-1']]);
  expect(audio.headers.get('RTP-Info')).toMatch(/^url=[^,]*trackID=1;seq=\d+;rtptime=\d+$/);
});

test('a cached GOP beyond the limit is sent whole to a reader that is slow to read it', async () => {
  const stream = new Stream([H264_TRACK]);
  for (const [index, key] of [true, false, false].entries()) {
    stream.write(0, { pts: 3600 * index, dts: 3600 * index, wall: 1, key, data: picture(key, 50_000) });
  }
  // This link sends nothing.
  const link = {
    queuedBytes: 0,
    write: (bytes: Uint8Array) => {
      link.queuedBytes += bytes.length;
    },
  };
  const ends: string[] = [];
  const owner = { onMediaEnd: (reason: string) => void ends.push(reason), writeFrames: () => {} };
  const request = { name: 'cam', stream, ip: '192.0.2.1', wantsPlaceholders: false, owner };
  const delivery = new TcpDelivery(request, link, { writeQueueSize: 32, maxPayloadBytes: 1_460 }, new FakeClock());
  delivery.setUp(0, parseTransport('RTP/AVP/TCP;unicast;interleaved=0-1'));
  delivery.start();
  delivery.flow();
  expect(ends).toEqual([]);
  expect(link.queuedBytes).toBeGreaterThan(150_000);
  stream.write(0, { pts: 10_800, dts: 10_800, wall: 1, key: false, data: picture(false, 50_000) });
  stream.write(0, { pts: 14_400, dts: 14_400, wall: 1, key: false, data: picture(false) });
  expect(ends).toEqual([expect.stringMatching(/^reader is too slow: \d+ bytes unread, limit 47104$/)]);
  delivery.close();
});

test('without a cached GOP a reader starts at the next key frame', async () => {
  await using box = await RtspHarness.open();
  const camera = cameraOf(box, 10);
  camera.film(true);
  const [caller] = await play(box, USUAL);
  camera.film(false);
  camera.film(false);
  camera.film(true);
  await caller.until(() => caller.frames.filter(isVideo).length === 2);
  expect(caller.frames.filter(isVideo).map(({ payload }) => (payload[12] ?? 0) & 0x1f)).toEqual([24, 5]);
});

test.for([
  [
    'other channels',
    [
      [0, '4-5'],
      [1, '6-7'],
    ],
    [4, 6],
  ],
  [
    'the channels the other way round',
    [
      [1, '0-1'],
      [0, '2-3'],
    ],
    [2, 0],
  ],
  ['the sound alone, on the first channels', [[1, '0-1']], [undefined, 0]],
  ['the picture alone', [[0, '0-1']], [0, undefined]],
] as const)('a reader that takes %s gets the same packets there', async ([, setups, [video, audio]]) => {
  await using box = await RtspHarness.open();
  const camera = cameraOf(box);
  camera.film(true);
  camera.hear();
  const [usual] = await play(box, USUAL);
  const [caller] = await play(box, setups);
  camera.film(false, 4_000);
  camera.hear();
  const packets = (from: RtspCaller, channel: number | undefined) =>
    from.frames.filter((frame) => frame.channel === channel).map(({ payload }) => payload.toString('hex'));
  const videoPackets = 2 + 3;
  await usual.until(() => packets(usual, 0).length === videoPackets && packets(usual, 2).length === 2);
  await caller.until(
    () =>
      packets(caller, video).length === (video === undefined ? 0 : videoPackets) &&
      packets(caller, audio).length === (audio === undefined ? 0 : 2),
  );
  expect(packets(caller, video)).toEqual(video === undefined ? [] : packets(usual, 0));
  expect(packets(caller, audio)).toEqual(audio === undefined ? [] : packets(usual, 2));
});

test('a sender report is sent at the start and every ten seconds', async () => {
  await using box = await RtspHarness.open();
  const camera = cameraOf(box);
  camera.film(true);
  const [caller] = await play(box, [[0, '0-1']]);
  const reports = () => caller.frames.filter(({ channel }) => channel === 1);
  await caller.until(() => reports().length === 1);
  await box.clock.advance(10_000);
  await caller.until(() => reports().length === 2);
  const infos: SenderInfo[] = [];
  for (const { payload } of reports()) {
    parseRtcp(payload, 0, payload.length, { onSenderReport: (info) => infos.push(info), onBye: () => {} });
  }
  expect((infos[1]?.unixMs ?? 0) - (infos[0]?.unixMs ?? 0)).toBeCloseTo(10_000, 1);
  expect(((infos[1]?.timestamp ?? 0) - (infos[0]?.timestamp ?? 0)) >>> 0).toBe(900_000);
  expect(box.server.rtsp.sessions.list()).toMatchObject([{ outboundRTCPPackets: 2, rtcpPacketsSent: 2 }]);
});

test('sent packets and reported losses are listed', async () => {
  await using box = await RtspHarness.open();
  const camera = cameraOf(box);
  camera.film(true);
  const caller = await box.call();
  const setUp = await caller.ask('SETUP', box.url('cam/trackID=0'), [tcp('0-1')]);
  const sourceSsrc = parseTransport(setUp.headers.get('Transport') ?? '').ssrc ?? 0;
  await caller.ask('PLAY', box.url('cam'));
  const base = { ssrc: 1, fractionLost: 0, highest: 0, jitterTicks: 0, lastReport: 0, sinceLastReportMs: 0 };
  const report = writeReceiverReport({ ...base, sourceSsrc, lost: 7 }, 'player');
  caller.socket.write(Buffer.concat([Buffer.of(0x24, 1, 0, report.length), report]));
  caller.socket.write(Buffer.of(0x24, 1, 0, 8, 0x10, 0, 0, 0, 0, 0, 0, 0));
  await caller.ask('GET_PARAMETER', box.url('cam'));
  const [session] = box.server.rtsp.sessions.list();
  expect(session).toMatchObject({
    inboundBytes: report.length + 8,
    inboundRTCPPackets: 2,
    inboundRTCPPacketsInError: 1,
    outboundRTPPackets: 2,
    outboundRTPPacketsReportedLost: 7,
    outboundRTPPacketsDiscarded: 0,
    rtpPacketsSent: 2,
  });
  const payloads = caller.frames.reduce((sum, { payload }) => sum + payload.length, 0);
  expect(session?.outboundBytes).toBe(payloads);
  expect(camera.stream.bytesSent).toBe(
    caller.frames.filter(isVideo).reduce((sum, { payload }) => sum + payload.length, 0),
  );
});

test('media sent by a reader is ignored', async () => {
  await using box = await RtspHarness.open();
  const camera = cameraOf(box);
  camera.film(true);
  const [caller] = await play(box, USUAL);
  caller.socket.write(Buffer.concat([Buffer.of(0x24, 0, 0, 12), Buffer.of(0x80, 96), Buffer.alloc(10)]));
  expect((await caller.ask('GET_PARAMETER', box.url('cam'))).status).toBe(200);
  expect(box.server.rtsp.sessions.list()).toMatchObject([{ inboundBytes: 0, inboundRTPPackets: 0 }]);
});

test('PAUSE stops the packets, and PLAY begins again with the running group', async () => {
  await using box = await RtspHarness.open();
  const camera = cameraOf(box);
  camera.film(true);
  const [caller] = await play(box, [[0, '0-1']]);
  await caller.ask('PAUSE', box.url('cam'));
  const before = caller.frames.length;
  camera.film(false);
  await caller.ask('GET_PARAMETER', box.url('cam'));
  expect(caller.frames).toHaveLength(before);
  await caller.ask('PLAY', box.url('cam'));
  camera.film(true);
  await caller.until(() => caller.frames.length >= before + 2);
});

test('at the end of the stream the reader gets all queued data, and its connection closes', async () => {
  await using box = await RtspHarness.open();
  const camera = cameraOf(box);
  camera.film(true);
  const [caller] = await play(box, [[0, '0-1']]);
  camera.film(false, 300_000);
  camera.stream.close();
  await caller.until(() => caller.hasEnded);
  const bytes = caller.frames.filter(isVideo).reduce((sum, { payload }) => sum + payload.length, 0);
  expect(bytes).toBeGreaterThan(300_000);
  expect(box.server.rtsp.sessions.list()).toEqual([]);
});

test('a stalled reader is disconnected at the limit of its queue, and another loses nothing', async () => {
  await using box = await RtspHarness.open({ writeQueueSize: 64 });
  const camera = cameraOf(box);
  camera.film(true);
  const [slow] = await play(box, [[0, '0-1']]);
  const [other] = await play(box, [[0, '0-1']]);
  slow.socket.pause();
  let pictures = 1;
  const packets = () => other.frames.filter(isVideo).filter((frame) => headerOf(frame).marker).length;
  while (box.server.rtsp.sessions.list().length === 2) {
    camera.film(pictures % 50 === 0, 50_000);
    pictures += 1;
    await other.until(() => packets() === pictures);
    expect(pictures).toBeLessThan(2_000);
  }
  expect(box.log.join('')).toMatch(/reader is too slow: \d+ bytes unread, limit 94208/);
  camera.film(false);
  await other.until(() => packets() === pictures + 1);
});

test('a frame larger than the queue reaches a reader that keeps up', async () => {
  await using box = await RtspHarness.open({ writeQueueSize: 16 });
  const camera = cameraOf(box);
  camera.film(true, 400_000);
  const [caller] = await play(box, [[0, '0-1']]);
  const markers = () => caller.frames.filter(isVideo).filter((frame) => headerOf(frame).marker).length;
  await caller.until(() => markers() === 1);
  camera.film(true, 900_000);
  await caller.until(() => markers() === 2);
  expect(box.server.rtsp.sessions.list()).toHaveLength(1);
});

test('a reader with a dead network is disconnected after writeTimeout, at any bit rate', async () => {
  await using box = await RtspHarness.open({ writeQueueSize: 1 << 16 });
  const camera = cameraOf(box);
  camera.film(true);
  const [caller] = await play(box, [[0, '0-1']]);
  await caller.until(() => caller.frames.some(isVideo));
  caller.socket.pause();
  // More than the buffers of both ends hold.
  for (let i = 0; i < 400; i += 1) {
    camera.film(false, 50_000);
  }
  await box.clock.advance(9_000);
  expect(box.server.rtsp.sessions.list()).toHaveLength(1);
  await box.clock.advance(4_000);
  expect(box.server.rtsp.sessions.list()).toEqual([]);
  expect(box.log.join('')).toContain('its connection was closed');
  expect(box.log.join('')).toContain('nothing could be sent for 10 s');
});

test('PLAY after PAUSE while the group of the last PLAY still waits does not add another to it', async () => {
  await using box = await RtspHarness.open();
  const camera = cameraOf(box);
  camera.film(true, 4_000_000);
  const [caller] = await play(box, [[0, '4-5']]);
  caller.socket.pause();
  const [id = ''] = box.server.rtsp.conns.list().map((conn) => conn.id);
  const conn = () => box.server.rtsp.conns.list().find((one) => one.id === id);
  const other = await box.call();
  for (let i = 0; conn() !== undefined; i += 1) {
    caller.say(i % 2 === 0 ? 'PAUSE' : 'PLAY', box.url('cam'));
    while ((conn()?.inboundBytes ?? Number.POSITIVE_INFINITY) < caller.socket.bytesWritten) {
      await other.ask('OPTIONS', '*');
    }
    expect(conn()?.outboundBytes ?? 0).toBeLessThan(20_000_000);
  }
  expect(box.log.join('')).toMatch(/reader is too slow: \d+ bytes unread, limit 753664/);
});

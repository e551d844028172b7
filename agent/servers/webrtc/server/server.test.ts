// @also without-ffi

import { readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { RTCPeerConnection, RtcpSrPacket, RtpPacket, useH264, usePCMU } from 'werift';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { keepLogLines } from '../../../../test/support/base/log-lines.ts';
import { WEBRTC_OPTIONS } from '../../../../test/support/clients/webrtc/webrtc-options.ts';
import { webrtcPaths } from '../../../../test/support/clients/webrtc/webrtc-paths.ts';
import { H264_TRACK } from '../../../../test/support/media/tracks.ts';
import { type Clock, systemClock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { silentLogger } from '../../../base/log.ts';
import type { Sample } from '../../../media/sample/sample.ts';
import type { Track } from '../../../media/sample/track.ts';
import { nativeStatus } from '../../../native/native.ts';
import { Stream } from '../../../stream/stream.ts';
import type { WebRtcPaths } from '../session/contracts.ts';
import { LogThrottle, WebRtcServer } from './server.ts';

const CHROMIUM = readFileSync('test/fixtures/offers/chromium-156-linux.sdp', 'utf8');
const AUDIO: Track = { kind: 'audio', codec: 'g711', law: 'mu', clockRate: 8_000, channels: 1 };
const VIEWER = { path: 'cam', query: 'a=1', remoteAddr: '192.0.2.1:5', userAgent: 'test', user: 'me' };

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) {
    await cleanup();
  }
});

async function startServer(
  paths: WebRtcPaths | Stream,
  clock: Clock = systemClock,
  handshakeTimeoutMs = 10_000,
  log = silentLogger,
): Promise<WebRtcServer> {
  const lookup = paths instanceof Stream ? webrtcPaths(async () => paths) : paths;
  const options = { ...WEBRTC_OPTIONS, webrtcHandshakeTimeoutMs: handshakeTimeoutMs };
  const server = new WebRtcServer(options, lookup, clock, log);
  await server.listen();
  cleanups.push(() => server.close());
  return server;
}

/** An access unit of one NAL unit that contains its number. */
function picture(number: number, key: boolean): Sample {
  const bytes = 3_000;
  const data = new Uint8Array(4 + bytes).fill(number);
  new DataView(data.buffer).setUint32(0, bytes);
  data[4] = key ? 0x65 : 0x41;
  return { pts: number * 6_000, dts: number * 6_000, wall: Date.now(), key, data };
}
const sound = (number: number): Sample => ({
  pts: number * 160,
  dts: number * 160,
  wall: Date.now(),
  key: true,
  data: new Uint8Array(160).fill(number),
});

/** An independent viewer: another implementation's peer connection. */
async function watch(server: WebRtcServer, setup = 'actpass') {
  const h264 = useH264({ parameters: 'level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f' });
  const codecs = { video: [h264], audio: [usePCMU()] };
  const pc = new RTCPeerConnection({ iceServers: [], iceUseIpv6: false, codecs });
  cleanups.push(() => pc.close());
  const packets: RtpPacket[] = [];
  const reports: RtcpSrPacket[] = [];
  pc.onTrack.subscribe((track) => {
    track.onReceiveRtp.subscribe(({ header, payload }) => {
      // Browsers pass over the first packet's repetition, as RFC 3711 §3.3.2 asks; this implementation hands it on.
      const isRepeated = packets.some(
        (other) => other.header.ssrc === header.ssrc && other.header.sequenceNumber === header.sequenceNumber,
      );
      if (!isRepeated) {
        packets.push(new RtpPacket(header, payload));
      }
    });
    track.onReceiveRtcp.subscribe((packet) => {
      if (packet instanceof RtcpSrPacket) {
        reports.push(packet);
      }
    });
  });
  pc.addTransceiver('video', { direction: 'recvonly' });
  pc.addTransceiver('audio', { direction: 'recvonly' });
  await pc.setLocalDescription(await pc.createOffer());
  const answered = await server.read(
    VIEWER,
    (pc.localDescription?.sdp ?? '').replaceAll('a=setup:actpass', `a=setup:${setup}`),
  );
  await pc.setRemoteDescription({ type: 'answer', sdp: answered.answer });
  await expect.poll(() => server.get(answered.id)?.peerConnectionEstablished).toBe(true);
  await expect.poll(() => pc.connectionState).toBe('connected');
  return { ...answered, pc, packets, reports };
}

test('another implementation connects and gets every packet, from the parameter sets of a key frame on', async () => {
  const stream = new Stream([H264_TRACK, AUDIO]);
  const server = await startServer(stream);
  const viewer = await watch(server);
  stream.write(0, picture(1, false));
  stream.write(1, sound(1));
  for (let i = 2; i < 30; i += 1) {
    stream.write(0, picture(i, i === 2));
    stream.write(1, sound(i));
    // Keeps the receiver's kernel buffer from overflowing.
    await new Promise((resolve) => setImmediate(resolve));
  }
  // Parameter sets, 28 pictures of three packets, 28 sounds.
  await expect.poll(() => viewer.packets.length).toBe(1 + 28 * 3 + 28);
  const video = viewer.packets.filter((packet) => packet.payload.length !== 160);
  const audio = viewer.packets.filter((packet) => packet.payload.length === 160);
  expect((video[0]?.payload[0] ?? 0) & 0x1f).toBe(24);
  expect(video.slice(1, 4).map((packet) => [(packet.payload[0] ?? 0) & 0x1f, packet.header.marker])).toEqual([
    [28, false],
    [28, false],
    [28, true],
  ]);
  expect(video.at(-1)?.payload.at(-1)).toBe(29);
  const ticks = (a: RtpPacket | undefined, b: RtpPacket | undefined): number =>
    ((b?.header.timestamp ?? 0) - (a?.header.timestamp ?? 0)) >>> 0;
  // 27 frames; one that is sent late is stamped later, by less than a frame.
  expect(Math.abs(ticks(video[0], video.at(-1)) - 27 * 6_000)).toBeLessThan(6_000);
  expect(audio.map((packet) => packet.payload[0])).toEqual(Array.from({ length: 28 }, (_, i) => i + 2));
  const sequences = video.map((packet) => packet.header.sequenceNumber);
  expect(sequences).toEqual(sequences.map((_, i) => ((sequences[0] ?? 0) + i) & 0xffff));

  const item = server.get(viewer.id);
  expect(item).toMatchObject({
    id: viewer.id,
    peerConnectionEstablished: true,
    localCandidate: `host/udp/127.0.0.1/${server.udpPort}`,
    state: 'read',
    path: 'cam',
    query: 'a=1',
    user: 'me',
    outboundRTPPackets: 113,
    outboundFramesDiscarded: 0,
  });
  expect(item?.remoteCandidate).toMatch(/^host\/udp\/[\d.]+\/\d+$/);
  expect(stream.bytesSent).toBe(item?.outboundBytes);
});

test('one log line says which native functions are in use, or why not', async () => {
  const { log, logged } = keepLogLines();
  const server = await startServer(new Stream([H264_TRACK]), systemClock, 10_000, log);
  const lines = () => logged.filter(([, phrase]) => phrase === 'WebRTC native functions opened');
  server.prepare();
  server.prepare();
  await expect.poll(lines).toHaveLength(1);
  const { bursts, gcm } = nativeStatus();
  const use = { udpBursts: bursts.isUsed || bursts.reason, aesGcm: gcm.isUsed || gcm.reason };
  expect(lines()).toEqual([['info', 'WebRTC native functions opened', use]]);
  expect(Object.values(use)).not.toContain(undefined);
});

test('a peer that must be the DTLS server is supported', async () => {
  const stream = new Stream([H264_TRACK]);
  const viewer = await watch(await startServer(stream), 'passive');
  expect(viewer.answer).toContain('a=setup:active\r\n');
  expect(viewer.answer).not.toContain('a=setup:passive');
  stream.write(0, picture(1, true));
  await expect.poll(() => viewer.packets.length).toBe(4);
});

test('sender reports tie RTP time to the wall clock, and the viewer answers with receiver reports', async () => {
  const stream = new Stream([H264_TRACK, AUDIO]);
  const server = await startServer(stream);
  const viewer = await watch(server);
  const written = picture(1, true);
  stream.write(0, written);
  stream.write(1, sound(1));
  await expect.poll(() => viewer.reports.length).toBeGreaterThanOrEqual(2);
  const first = viewer.packets[0];
  const report = viewer.reports.find((one) => one.ssrc === first?.header.ssrc);
  const reportMs = (Number((report?.senderInfo.ntpTimestamp ?? 0n) >> 32n) - 2_208_988_800) * 1000;
  const sinceMs = (((report?.senderInfo.rtpTimestamp ?? 0) - (first?.header.timestamp ?? 0)) | 0) / 90;
  expect(Math.abs(reportMs - written.wall - sinceMs)).toBeLessThan(1_100);
  expect(report?.senderInfo.packetCount).toBe(4);
  await expect.poll(() => server.get(viewer.id)?.inboundRTCPPackets).toBeGreaterThan(0);
});

test('the viewer is one of the readers of the stream until the stream ends', async () => {
  const stream = new Stream([H264_TRACK]);
  const server = await startServer(stream);
  const viewer = await watch(server);
  expect(stream.readers.map(({ kind }) => kind?.apiType)).toEqual(['webRTCSession', undefined]);
  expect(stream.readers[0]?.id).toBe(viewer.id);
  stream.close();
  expect(server.list()).toEqual([]);
});

test('a viewer that leaves or is kicked leaves no resources', async () => {
  const stream = new Stream([H264_TRACK]);
  const server = await startServer(stream);
  const [one, two] = [await watch(server), await watch(server)];
  expect(server.list().map((item) => item.id)).toEqual([one.id, two.id]);
  expect(server.kick(one.id)).toBe(true);
  expect(server.kick(one.id)).toBe(false);
  expect(server.end(two.secret)).toBe(true);
  expect(server.end(two.secret)).toBe(false);
  expect(stream.readers).toEqual([]);
});

test('B-frames end the session', async () => {
  const stream = new Stream([H264_TRACK]);
  const server = await startServer(stream);
  await watch(server);
  stream.write(0, { ...picture(1, true), dts: 0 });
  expect(server.list()).toEqual([]);
});

test('a stream with known B-frames is rejected at once', async () => {
  const stream = new Stream([H264_TRACK]);
  stream.write(0, { ...picture(1, true), dts: 0 });
  const server = await startServer(stream);
  await expect(server.read(VIEWER, CHROMIUM)).rejects.toThrow(
    /^WebRTC doesn't support H264 streams with B-frames: turn them off in the camera/,
  );
  expect(stream.readers).toEqual([]);
});

test.for([
  ['a path without a stream', new PerchError('notFound', "no stream is available on path 'cam'")],
  ['a path that is not configured', new PerchError('badInput', "path 'cam' is not configured")],
] as const)('%s is rejected in the words of the path table', async ([, error]) => {
  const server = await startServer(webrtcPaths(() => Promise.reject(error)));
  await expect(server.read(VIEWER, CHROMIUM)).rejects.toBe(error);
});

test('each key is due once a minute', async () => {
  const clock = new FakeClock();
  const due = new LogThrottle(clock);
  expect(['a', 'b', 'a'].map((key) => due.isDue(key))).toEqual([true, true, false]);
  await clock.advance(59_999);
  expect(due.isDue('a')).toBe(false);
  await clock.advance(1);
  expect(['a', 'a'].map((key) => due.isDue(key))).toEqual([true, false]);
});

test('beyond 500 keys the oldest are dropped', () => {
  const due = new LogThrottle(new FakeClock());
  for (let i = 0; i < 501; i += 1) {
    due.isDue(String(i));
  }
  expect(['500', '0'].map((key) => due.isDue(key))).toEqual([false, true]);
});

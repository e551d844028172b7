// @also without-ffi in long

import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RtspCaller } from '../../../test/support/clients/rtsp-caller.ts';
import { UdpPair } from '../../../test/support/clients/webrtc/udp-pair.ts';
import { RtspHarness } from '../../../test/support/harness/servers/rtsp-harness.ts';
import { tinyH264, tinyVideo } from '../../../test/support/media/tiny-h264.ts';
import { parseKeyMgmt, writeKeyMgmt } from '../../media/mikey/key-mgmt.ts';
import { writeReceiverReport } from '../../media/rtcp/write.ts';
import { AUTH_TAG_BYTES, writeRtpHeader } from '../../media/rtp/header.ts';
import { bodyText, type HeaderField, type RtspResponse } from '../../media/rtsp/message.ts';
import type { Track } from '../../media/sample/track.ts';
import { parseSdp } from '../../media/sdp/parse.ts';
import { Stream } from '../../stream/stream.ts';
import { PacketProtector } from '../../transports/webrtc/srtp/cm-key-stream.ts';
import { createMasterKey, mikeyOf, srtpKeys } from '../../transports/webrtc/srtp/master-key.ts';
import { MediaDecryptor } from '../../transports/webrtc/srtp/media-decryptor.ts';
import { Srtcp } from '../../transports/webrtc/srtp/srtcp.ts';

const TLS = join(import.meta.dirname, '../../../test/fixtures/tls');
const KEYS = { rtspServerKey: join(TLS, 'server.key'), rtspServerCert: join(TLS, 'server.crt') };
const SSRC = 4711;
const tcp: HeaderField = ['Transport', 'RTP/SAVP/TCP;unicast;interleaved=0-1'];
const udp = ([rtp, rtcp]: readonly [number, number], mode = ''): HeaderField => [
  'Transport',
  `RTP/SAVP;unicast;client_port=${rtp}-${rtcp}${mode}`,
];

/** The key of a client, and what it encrypts. */
function clientKey() {
  const master = createMasterKey();
  const message = mikeyOf(master, [{ ssrc: SSRC, rollOverCounter: 0 }], 0);
  const header: HeaderField = ['KeyMgmt', writeKeyMgmt('rtsps://box/cam', message)];
  return {
    message,
    header,
    rtcp: new Srtcp(srtpKeys(master, master)),
    rtp: new PacketProtector(master.key, master.salt),
  };
}

const openBox = () => RtspHarness.open({ ...KEYS, rtspEncryption: 'optional' });
const url = (box: RtspHarness, path: string) => `rtsps://127.0.0.1:${box.server.rtsps.port}/${path}`;
const keyOf = (reply: RtspResponse) => parseKeyMgmt(reply.headers.get('KeyMgmt') ?? '');

/** DESCRIBE, SETUP of the first track with a key of the client's, PLAY. */
async function play(box: RtspHarness, transport: HeaderField, stream = new Stream([tinyH264])) {
  box.paths.streams.set('cam', stream);
  const caller = await box.call(true);
  const described = await caller.ask('DESCRIBE', url(box, 'cam'));
  const [media] = parseSdp(bodyText(described)).medias;
  const client = clientKey();
  const setUp = await caller.ask('SETUP', url(box, 'cam/trackID=0'), [transport, client.header]);
  expect(setUp.status).toBe(200);
  expect(setUp.headers.get('Transport')).toMatch(/^RTP\/SAVP/);
  expect((await caller.ask('PLAY', url(box, 'cam'))).status).toBe(200);
  return { stream, caller, media, client, setUp };
}

test('a reader gets SRTP within the connection, with the key of the description, and its reports count', async () => {
  await using box = await openBox();
  const { stream, caller, media, client, setUp } = await play(box, tcp);
  expect(media?.protocol).toBe('RTP/SAVP');
  expect(media?.key?.key).toEqual(Uint8Array.from(keyOf(setUp).key));
  const decryptor = new MediaDecryptor(media?.key ?? client.message);
  const pictures = tinyVideo(6, 25, 3);
  for (const picture of pictures) {
    stream.write(0, picture);
  }
  await caller.until(() => caller.frames.filter(({ channel }) => channel === 0).length >= pictures.length);
  for (const { channel, payload } of caller.frames) {
    const plain =
      channel === 0 ? decryptor.rtp(payload, 0, payload.length) : decryptor.rtcp(payload, 0, payload.length);
    expect(plain).toBeDefined();
  }
  const ssrc = keyOf(setUp).streams[0]?.ssrc ?? 0;
  const reception = { ssrc: SSRC, sourceSsrc: ssrc, fractionLost: 0, lost: 3, highest: 9, jitterTicks: 0 };
  const report = writeReceiverReport({ ...reception, lastReport: 0, sinceLastReportMs: 0 }, 'test');
  for (const packet of [client.rtcp.protect(report), Buffer.from(report)]) {
    caller.socket.write(Buffer.concat([Buffer.from([0x24, 1, packet.length >> 8, packet.length & 0xff]), packet]));
  }
  await caller.ask('GET_PARAMETER', url(box, 'cam'));
  expect(box.server.rtsps.sessions.list()).toMatchObject([
    { transport: 'TCP', profile: 'SAVP', inboundRTCPPackets: 1, inboundRTCPPacketsInError: 1 },
  ]);
  expect(box.server.rtsps.sessions.list()[0]?.outboundRTPPacketsReportedLost).toBe(3);
});

test('a reader gets SRTP in datagrams, and one that joins later the same packets', async () => {
  await using box = await openBox();
  await using pair = await UdpPair.open();
  pair.senders = [box.secureMedia.rtpPort, box.secureMedia.rtcpPort];
  const { stream, client, setUp, media } = await play(box, udp(pair.ports));
  expect(setUp.headers.get('Transport')).toContain(
    `server_port=${box.secureMedia.rtpPort}-${box.secureMedia.rtcpPort}`,
  );
  const [first, ...pictures] = tinyVideo(6, 25, 6);
  stream.write(0, first as NonNullable<typeof first>);
  await pair.until(() => pair.rtp.length > 0);
  const late = await box.call(true);
  const transport: HeaderField = ['Transport', 'RTP/SAVP/TCP;unicast;interleaved=4-5'];
  await late.ask('SETUP', url(box, 'cam/trackID=0'), [transport, clientKey().header]);
  await late.ask('PLAY', url(box, 'cam'));
  for (const picture of pictures) {
    stream.write(0, picture);
  }
  const media0 = () => late.frames.filter(({ channel }) => channel === 4).map(({ payload }) => payload);
  await late.until(() => media0().length >= pair.rtp.length && media0().length > 6);
  await pair.until(() => pair.rtp.length === media0().length);
  expect(media0()).toEqual(pair.rtp);
  const decryptor = new MediaDecryptor(media?.key ?? client.message);
  for (const datagram of pair.rtp) {
    expect(decryptor.rtp(datagram, 0, datagram.length)).toBeDefined();
  }
  expect(box.server.rtsps.sessions.list()).toMatchObject([{ transport: 'UDP', profile: 'SAVP' }, { profile: 'SAVP' }]);
  stream.close();
  await pair.until(() =>
    pair.rtcp.some((packet) => decryptor.rtcp(packet, 0, packet.length)?.at(-7) === 203 || packet[1] === 203),
  );
});

test('datagrams of SRTP have at most udpMaxPayloadSize bytes, also where a plain reader came first', async () => {
  await using box = await openBox();
  await using pair = await UdpPair.open();
  pair.senders = [box.secureMedia.rtpPort, box.secureMedia.rtcpPort];
  const stream = new Stream([tinyH264]);
  box.paths.streams.set('cam', stream);
  const plain = await box.call();
  await plain.ask('SETUP', box.url('cam/trackID=0'), [['Transport', 'RTP/AVP/TCP;unicast;interleaved=0-1']]);
  await plain.ask('PLAY', box.url('cam'));
  await play(box, udp(pair.ports), stream);
  for (const picture of tinyVideo(1, 25, 1)) {
    stream.write(0, picture);
  }
  const isLast = (datagram: Buffer) => ((datagram[1] as number) & 0x80) !== 0;
  await pair.until(() => pair.rtp.some(isLast));
  expect(Math.max(...pair.rtp.map(({ length }) => length))).toBe(1_452);
});

const UNKNOWN: Track = {
  kind: 'data',
  codec: 'generic',
  clockRate: 90_000,
  media: 'video',
  rtpmap: 'x-unknown/90000',
  fmtp: '',
};

test('packets without room for the tag are left out for readers of SRTP, and come to plain ones', async () => {
  await using box = await openBox();
  const { stream, caller, media, client } = await play(box, tcp, new Stream([UNKNOWN]));
  const other = await box.call(true);
  await other.ask('SETUP', url(box, 'cam/trackID=0'), [['Transport', 'RTP/AVP/TCP;unicast;interleaved=0-1']]);
  await other.ask('PLAY', url(box, 'cam'));
  const payloads = [65_513, 65_514, 65_523, 100].map((bytes, i) => Buffer.alloc(bytes, i));
  for (const [i, payload] of payloads.entries()) {
    const data = Buffer.concat([Buffer.from([1, payload.length >> 8, payload.length & 0xff]), payload]);
    stream.write(0, { pts: 3_000 * i, dts: 3_000 * i, wall: 33 * i, key: true, data });
  }
  const received = () => caller.frames.filter(({ channel }) => channel === 0);
  await caller.until(() => received().length === 2 || caller.hasEnded);
  const decryptor = new MediaDecryptor(media?.key ?? client.message);
  const plain = received().map(({ payload }) => decryptor.rtp(payload, 0, payload.length)?.subarray(12) ?? []);
  expect(plain.map((payload) => Buffer.from(payload))).toEqual([payloads[0], payloads[3]]);
  const plainReceived = () => other.frames.filter(({ channel }) => channel === 0);
  await other.until(() => plainReceived().length === payloads.length || other.hasEnded);
  expect(plainReceived().map(({ payload }) => Buffer.from(payload.subarray(12)))).toEqual(payloads);
});

test('plain RTP stays possible in the connection, and tracks of a session do not mix', async () => {
  await using box = await openBox();
  box.paths.streams.set('cam', new Stream([tinyH264, tinyH264]));
  const caller = await box.call(true);
  const plain: HeaderField = ['Transport', 'RTP/AVP/TCP;unicast;interleaved=0-1'];
  expect((await caller.ask('SETUP', url(box, 'cam/trackID=0'), [plain])).status).toBe(200);
  expect((await caller.ask('SETUP', url(box, 'cam/trackID=1'), [tcp, clientKey().header])).status).toBe(400);
  expect(box.server.rtsps.sessions.list()).toMatchObject([{ profile: 'AVP' }]);
});

test('SRTP without TLS is rejected, because its keys would be readable', async () => {
  await using box = await openBox();
  box.paths.streams.set('cam', new Stream([tinyH264]));
  const caller = await box.call();
  expect((await caller.ask('SETUP', box.url('cam/trackID=0'), [tcp, clientKey().header])).status).toBe(461);
  expect(bodyText(await caller.ask('DESCRIBE', box.url('cam')))).not.toContain('key-mgmt');
});

test('a broken key is a bad request', async () => {
  await using box = await openBox();
  box.paths.streams.set('cam', new Stream([tinyH264]));
  const caller = await box.call(true);
  for (const value of ['prot=mikey;uri="";data="AQAF"', 'prot=other;data="AQAF"', 'prot=mikey;uri=""']) {
    expect((await caller.ask('SETUP', url(box, 'cam/trackID=0'), [tcp, ['KeyMgmt', value]])).status).toBe(400);
  }
});

const SOUND = ['v=0', 'a=control:*', 'm=audio 0 RTP/SAVP 8', 'a=control:streamid=0', ''].join('\r\n');

/** 20 ms of A-law as SRTP. */
function sound(key: ReturnType<typeof clientKey>, sequence: number): Buffer {
  const packet = Buffer.alloc(12 + 160 + AUTH_TAG_BYTES, 0xd5);
  writeRtpHeader(packet, 0, false, 8, sequence, 160 * sequence, SSRC);
  key.rtp.protect(packet, sequence);
  return packet;
}

async function announce(box: RtspHarness, transport: HeaderField, key: HeaderField[]) {
  box.paths.waiting.add('studio');
  const caller: RtspCaller = await box.call(true);
  await caller.ask('ANNOUNCE', url(box, 'studio'), [['Content-Type', 'application/sdp']], SOUND);
  const setUp = await caller.ask('SETUP', url(box, 'studio/streamid=0'), [transport, ...key]);
  return { caller, setUp };
}

test('a publisher sends SRTP within the connection; forged packets are counted and have no effect', async () => {
  await using box = await openBox();
  const client = clientKey();
  const record: HeaderField = ['Transport', 'RTP/SAVP/TCP;unicast;interleaved=0-1;mode=record'];
  const { caller, setUp } = await announce(box, record, [client.header]);
  expect(setUp.status).toBe(200);
  expect(keyOf(setUp).streams).toHaveLength(1);
  await caller.ask('RECORD', url(box, 'studio'));
  for (const packet of [sound(client, 1), sound(clientKey(), 2), sound(client, 2), sound(client, 3)]) {
    caller.socket.write(Buffer.concat([Buffer.from([0x24, 0, packet.length >> 8, packet.length & 0xff]), packet]));
  }
  await caller.ask('GET_PARAMETER', url(box, 'studio'));
  expect(box.paths.streams.get('studio')?.tracks.map(({ codec }) => codec)).toEqual(['g711']);
  expect(box.server.rtsps.sessions.list()).toMatchObject([
    { state: 'publish', profile: 'SAVP', inboundRTPPackets: 3, inboundRTPPacketsInError: 1, inboundRTPPacketsLost: 0 },
  ]);
  await box.clock.advance(10_500);
  await caller.until(() => caller.frames.length > 0);
  const { payload } = caller.frames[0] ?? { payload: Buffer.alloc(0) };
  expect(new MediaDecryptor(keyOf(setUp)).rtcp(payload, 0, payload.length)?.[1]).toBe(201);
});

test('a publisher sends SRTP in datagrams', async () => {
  await using box = await openBox();
  await using pair = await UdpPair.open();
  pair.senders = [box.secureMedia.rtpPort, box.secureMedia.rtcpPort];
  const client = clientKey();
  const { caller } = await announce(box, udp(pair.ports, ';mode=record'), [client.header]);
  await caller.ask('RECORD', url(box, 'studio'));
  for (let i = 1; i < 4; i += 1) {
    await pair.send('rtp', sound(client, i), box.secureMedia.rtpPort);
  }
  while (box.server.rtsps.sessions.list()[0]?.inboundRTPPackets !== 3) {
    await caller.ask('GET_PARAMETER', url(box, 'studio'));
  }
  expect(box.server.rtsps.sessions.list()).toMatchObject([{ transport: 'UDP', profile: 'SAVP' }]);
});

test('a publisher of SRTP without a key is rejected', async () => {
  await using box = await openBox();
  const record: HeaderField = ['Transport', 'RTP/SAVP/TCP;unicast;interleaved=0-1;mode=record'];
  expect((await announce(box, record, [])).setUp.status).toBe(400);
});

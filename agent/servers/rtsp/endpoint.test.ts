import { X509Certificate } from 'node:crypto';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { expect, test } from 'vitest';
import { certificate } from '../../../test/support/cameras/channel-front.ts';
import type { RtspCaller } from '../../../test/support/clients/rtsp-caller.ts';
import { UdpPair } from '../../../test/support/clients/webrtc/udp-pair.ts';
import { RtspHarness } from '../../../test/support/harness/servers/rtsp-harness.ts';
import { H264_TRACK } from '../../../test/support/media/tracks.ts';
import type { HeaderField } from '../../media/rtsp/message.ts';
import { Stream } from '../../stream/stream.ts';

const FIXTURES = join(import.meta.dirname, '../../../test/fixtures/tls');
const TCP: HeaderField = ['Transport', 'RTP/AVP/TCP;unicast;interleaved=0-1'];
const udp = ([rtp, rtcp]: readonly [number, number]): HeaderField => [
  'Transport',
  `RTP/AVP;unicast;client_port=${rtp}-${rtcp}`,
];

/** Key and certificate in a separate folder, where the test replaces them. */
async function keyFolder() {
  const path = await mkdtemp(join(tmpdir(), 'perch-test-'));
  const rtspServerKey = join(path, 'server.key');
  const rtspServerCert = join(path, 'server.crt');
  const use = async (key: string, cert: string) => {
    await copyFile(join(FIXTURES, `${key}.key`), rtspServerKey);
    await copyFile(join(FIXTURES, `${cert}.crt`), rtspServerCert);
  };
  await use('server', 'server');
  return { rtspServerKey, rtspServerCert, use, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

const fingerprintOf = (name: string) => new X509Certificate(certificate(name as 'camera').cert).fingerprint256;

const shown = async (box: RtspHarness) =>
  ((await box.call(true)).socket as TLSSocket).getPeerCertificate().fingerprint256;

test.for([
  ['no', [true, false]],
  ['optional', [true, true]],
  ['strict', [false, true]],
] as const)('with rtspEncryption %s these ports are open', async ([rtspEncryption, expected]) => {
  await using keys = await keyFolder();
  await using box = await RtspHarness.open({ ...keys, rtspEncryption });
  expect([box.server.rtsp.port > 0, box.server.rtsps.port > 0]).toEqual(expected);
});

test('sessions and connections with TLS are listed apart, and read over the connection alone', async () => {
  await using keys = await keyFolder();
  await using box = await RtspHarness.open({ ...keys, rtspEncryption: 'optional' });
  const stream = new Stream([H264_TRACK]);
  box.paths.streams.set('cam', stream);
  await using pair = await UdpPair.open();
  const caller = await box.call(true);
  const uri = `rtsps://127.0.0.1:${box.server.rtsps.port}/cam/trackID=0`;
  expect((await caller.ask('SETUP', uri, [udp(pair.ports)])).status).toBe(461);
  expect((await caller.ask('SETUP', uri, [TCP])).status).toBe(200);
  expect(box.server.rtsps.sessions.list()).toMatchObject([{ transport: 'TCP', profile: 'AVP' }]);
  expect(box.server.rtsps.conns.list()).toHaveLength(1);
  expect(box.server.rtsp.sessions.list()).toEqual([]);
  expect(box.server.rtsp.conns.list()).toEqual([]);
  expect(stream.readers.map(({ kind }) => kind?.apiType)).toEqual(['rtspsSession']);
  await caller.ask('PLAY', uri);
  expect(box.log.find((line) => line.includes('is reading'))).toContain('"transport":"TCP over TLS"');
});

test('a session of one side is unknown on the other', async () => {
  await using keys = await keyFolder();
  await using box = await RtspHarness.open({ ...keys, rtspEncryption: 'optional' });
  box.paths.streams.set('cam', new Stream([H264_TRACK]));
  const [secure, plain] = [await box.call(true), await box.call()];
  const setUp = await secure.ask('SETUP', `${box.url('cam')}/trackID=0`, [TCP]);
  const key = setUp.headers.get('Session')?.split(';')[0] ?? '';
  expect((await plain.ask('PLAY', box.url('cam'), [['Session', key]])).status).toBe(454);
});

test('a new certificate applies to the next connection, once its key is present', async () => {
  await using keys = await keyFolder();
  await using box = await RtspHarness.open({ ...keys, rtspEncryption: 'strict' });
  expect(await shown(box)).toBe(fingerprintOf('server'));
  await keys.use('server', 'camera');
  while (!box.log.join('').includes('new certificate cannot be used yet')) {
    await box.clock.advance(3_000);
  }
  expect(await shown(box)).toBe(fingerprintOf('server'));
  await keys.use('camera', 'camera');
  while ((await shown(box)) !== fingerprintOf('camera')) {
    await box.clock.advance(3_000);
  }
});

test.for([
  ['a file that is missing', { rtspServerKey: '/nonexistent/server.key' }, 'rtspServerKey cannot be read'],
  [
    'a certificate of another key',
    { rtspServerCert: join(FIXTURES, 'camera.crt') },
    'are not a key and its certificate',
  ],
] as const)('%s is reported, and no port stays open', async ([, wrong, message]) => {
  await using keys = await keyFolder();
  const box = new RtspHarness({ ...keys, ...wrong, rtspEncryption: 'optional' });
  await expect(box.server.listen()).rejects.toThrow(message);
  expect([box.server.rtsp.port, box.server.rtsps.port]).toEqual([0, 0]);
});

test('a client that does not start TLS leaves no resources', async () => {
  await using keys = await keyFolder();
  await using box = await RtspHarness.open({ ...keys, rtspEncryption: 'strict' });
  const plain = await box.callPlain(box.server.rtsps.port);
  plain.socket.write('OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n');
  await plain.until(() => plain.hasEnded);
  expect(box.server.rtsps.conns.list()).toEqual([]);
  expect(box.log.join('')).toContain('TLS handshake with an RTSP client failed');
});

test('a session over UDP outlives its connection, and may be gone on with on another', async () => {
  await using box = await RtspHarness.open();
  box.paths.streams.set('cam', new Stream([H264_TRACK]));
  await using pair = await UdpPair.open();
  const first = await box.call();
  const setUp = await first.ask('SETUP', box.url('cam/trackID=0'), [udp(pair.ports)]);
  const session: HeaderField = ['Session', setUp.headers.get('Session')?.split(';')[0] ?? ''];
  await first.ask('PLAY', box.url('cam'));
  expect(box.server.rtsp.sessions.list()).toMatchObject([{ state: 'read', transport: 'UDP' }]);
  first.socket.destroy();
  const second = await box.call();
  await second.ask('OPTIONS', '*');
  while (box.server.rtsp.conns.list().length > 1) {
    await second.ask('OPTIONS', '*');
  }
  await box.clock.advance(50_000);
  expect((await second.ask('GET_PARAMETER', box.url('cam'), [session])).status).toBe(200);
  await box.clock.advance(50_000);
  expect(box.server.rtsp.sessions.list()).toHaveLength(1);
  expect((await second.ask('TEARDOWN', box.url('cam'), [session])).status).toBe(200);
  expect(box.server.rtsp.sessions.list()).toEqual([]);
});

test('a reader over UDP without request or RTCP for a minute is dropped, one that reports stays', async () => {
  await using box = await RtspHarness.open();
  const stream = new Stream([H264_TRACK]);
  box.paths.streams.set('cam', stream);
  await using silent = await UdpPair.open();
  await using reporting = await UdpPair.open();
  const callers: RtspCaller[] = [];
  for (const pair of [silent, reporting]) {
    const caller = await box.call();
    await caller.ask('SETUP', box.url('cam/trackID=0'), [udp(pair.ports)]);
    await caller.ask('PLAY', box.url('cam'));
    callers.push(caller);
  }
  await box.clock.advance(40_000);
  await reporting.send('rtcp', Uint8Array.of(0x80, 201, 0, 1, 0, 0, 0, 9), box.media.rtcpPort);
  const reported = () => box.server.rtsp.sessions.list().some(({ inboundRTCPPackets }) => inboundRTCPPackets === 1);
  while (!reported()) {
    await callers[1]?.ask('OPTIONS', '*', [['Session', '']]);
  }
  await box.clock.advance(25_000);
  await callers[0]?.until(() => callers[0]?.hasEnded === true);
  expect(box.server.rtsp.sessions.list()).toHaveLength(1);
});

test('two tracks of one session cannot share UDP ports: the second is rejected, and both are released', async () => {
  await using box = await RtspHarness.open();
  const stream = new Stream([H264_TRACK, H264_TRACK]);
  box.paths.streams.set('cam', stream);
  await using pair = await UdpPair.open();
  const [first, second] = [await box.call(), await box.call()];
  expect((await first.ask('SETUP', box.url('cam/trackID=0'), [udp(pair.ports)])).status).toBe(200);
  expect((await first.ask('SETUP', box.url('cam/trackID=1'), [udp(pair.ports)])).status).toBe(461);
  expect((await first.ask('PLAY', box.url('cam'))).status).toBe(200);
  // A newer session takes the ports over, unless its own tracks share them.
  expect((await second.ask('SETUP', box.url('cam/trackID=1'), [udp(pair.ports)])).status).toBe(200);
  await first.until(() => first.hasEnded);
  expect(box.server.rtsp.sessions.list()).toHaveLength(1);
});

test('all readers over UDP get a BYE at the end of the stream', async () => {
  await using box = await RtspHarness.open();
  const stream = new Stream([H264_TRACK]);
  box.paths.streams.set('cam', stream);
  await using one = await UdpPair.open();
  await using two = await UdpPair.open();
  for (const pair of [one, two]) {
    const caller = await box.call();
    await caller.ask('SETUP', box.url('cam/trackID=0'), [udp(pair.ports)]);
    await caller.ask('PLAY', box.url('cam'));
  }
  stream.close();
  await Promise.all([one, two].map((pair) => pair.until(() => pair.rtcp.some((packet) => packet[1] === 203))));
});

// @also without-ffi in long

import { expect, test } from 'vitest';
import { RtspHarness } from '../../../test/support/harness/servers/rtsp-harness.ts';
import { H264_PPS, H264_SPS } from '../../../test/support/media/tiny-streams.ts';
import { H264_TRACK } from '../../../test/support/media/tracks.ts';
import { hex } from '../../../test/support/media/units.ts';
import { PerchError } from '../../base/errors.ts';
import { h264Track } from '../../media/h264/params.ts';
import { bodyText, type HeaderField, type RtspResponse } from '../../media/rtsp/message.ts';
import type { Track } from '../../media/sample/track.ts';
import { parseSdp } from '../../media/sdp/parse.ts';
import { Stream } from '../../stream/stream.ts';

const ALAW: Track = { kind: 'audio', codec: 'g711', law: 'a', clockRate: 8000, channels: 1 };
const TCP: HeaderField = ['Transport', 'RTP/AVP/TCP;unicast;interleaved=0-1'];
const SDP = 'v=0\r\ns=x\r\na=control:*\r\nm=audio 0 RTP/AVP 8\r\na=control:streamid=0\r\n';
/** NAL unit type 10, with which a placeholder ends. */
const END_OF_SEQUENCE = 0x0a;
const SDP_TYPE: HeaderField = ['Content-Type', 'application/sdp'];

async function boxWithCamera(): Promise<RtspHarness> {
  const box = await RtspHarness.open();
  box.paths.streams.set('cam', new Stream([H264_TRACK, ALAW]));
  return box;
}

const all = (reply: RtspResponse) => Object.fromEntries(reply.headers.fields);

test('OPTIONS lists the methods, with the request’s number and the server’s name', async () => {
  await using box = await boxWithCamera();
  const caller = await box.call();
  const reply = await caller.ask('OPTIONS', box.url('cam'));
  expect(reply.status).toBe(200);
  expect(all(reply)).toEqual({
    CSeq: '1',
    Server: 'Perch',
    Public: 'DESCRIBE, ANNOUNCE, SETUP, PLAY, RECORD, PAUSE, GET_PARAMETER, TEARDOWN',
  });
});

test('DESCRIBE returns the tracks, with their controls below Content-Base', async () => {
  await using box = await boxWithCamera();
  const caller = await box.call();
  const reply = await caller.ask('DESCRIBE', `${box.url('cam').replace('//', '//tom:secret@')}?a=b`);
  expect(all(reply)).toMatchObject({ 'Content-Type': 'application/sdp', 'Content-Base': `${box.url('cam')}?a=b/` });
  const { medias } = parseSdp(bodyText(reply));
  expect(medias.map(({ kind, control }) => `${kind} ${control}`)).toEqual(['video trackID=0', 'audio trackID=1']);
  expect(box.paths.opened).toEqual(['cam?a=b']);
});

test.for([
  ['vlcmulticast', /^224\.1\.\d+\.\d+\/\d+$/, [8002, 8004]],
  ['a=b&vlcmulticast', /^224\.1\.\d+\.\d+\/\d+$/, [8002, 8004]],
  ['novlcmulticast', /^0\.0\.0\.0$/, [0, 0]],
] as const)('DESCRIBE with ?%s names %s and ports %s', async ([query, group, ports]) => {
  await using box = await boxWithCamera();
  const caller = await box.call();
  const lines = bodyText(await caller.ask('DESCRIBE', `${box.url('cam')}?${query}`)).split('\r\n');
  const connection = lines.filter((line) => line.startsWith('c=IN IP4 ')).at(-1);
  expect(connection?.slice('c=IN IP4 '.length)).toMatch(group);
  expect(lines.filter((line) => line.startsWith('m=')).map((line) => Number(line.split(' ')[1]))).toEqual(ports);
});

test.for([
  ['nothing is on the path yet', 'empty', 404],
  ['the path is not configured', 'unknown', 400],
  ['the source on demand does not come', 'late', 400],
  ['there are as many readers as may be', 'full', 400],
  ['the name is no UTF-8', '%FF', 400],
] as const)('DESCRIBE and SETUP when %s', async ([, name, status]) => {
  await using box = await boxWithCamera();
  box.paths.waiting.add('empty');
  box.paths.failures.set('late', new PerchError('timeout', "source of path 'late' has timed out"));
  box.paths.failures.set('full', new PerchError('exhausted', 'maximum reader count reached'));
  const caller = await box.call();
  expect((await caller.ask('DESCRIBE', box.url(name))).status).toBe(status);
  expect((await caller.ask('SETUP', `${box.url(name)}/trackID=0`, [TCP])).status).toBe(status);
});

test.for([
  ['a path', '/other', 'rtsp://127.0.0.1:8554/other'],
  ['a URL', 'rtsp://elsewhere/x?y', 'rtsp://elsewhere/x?y'],
] as const)('DESCRIBE of a path that redirects to %s says where, absolutely', async ([, location, expected]) => {
  await using box = await boxWithCamera();
  box.paths.redirects.set('moved', location);
  const caller = await box.call();
  const reply = await caller.ask('DESCRIBE', 'rtsp://127.0.0.1:8554/moved');
  expect(reply.status).toBe(302);
  expect(reply.headers.get('Location')).toBe(expected);
});

test.for([
  ['an unknown method', 'DANCE', [], 501],
  ['PLAY without a session', 'PLAY', [], 454],
  ['TEARDOWN without a session', 'TEARDOWN', [], 454],
  ['an unknown session', 'PLAY', [['Session', 'abc']], 454],
  ['a sign of life in a session that is gone', 'OPTIONS', [['Session', 'abc']], 454],
  ['GET_PARAMETER without a session', 'GET_PARAMETER', [], 200],
  ['SET_PARAMETER without a parameter', 'SET_PARAMETER', [], 200],
  ['SETUP without a track', 'SETUP', [TCP], 200],
  ['ANNOUNCE on a path without publishing', 'ANNOUNCE', [SDP_TYPE], 400],
] as const)('%s is answered with its status', async ([, method, headers, status]) => {
  await using box = await boxWithCamera();
  const caller = await box.call();
  expect((await caller.ask(method, box.url('cam'), headers as readonly HeaderField[])).status).toBe(status);
});

test('SET_PARAMETER with a parameter is rejected: none is supported', async () => {
  await using box = await boxWithCamera();
  const caller = await box.call();
  const reply = await caller.ask('SET_PARAMETER', box.url('cam'), [], 'volume: 3\r\n');
  expect(`${reply.status} ${reply.reason}`).toBe('451 Parameter Not Understood');
});

test('a reader passes SETUP, PLAY, PAUSE and TEARDOWN, and its session ends', async () => {
  await using box = await boxWithCamera();
  const caller = await box.call();
  const setUp = await caller.ask('SETUP', box.url('cam/trackID=0'), [TCP, ['User-Agent', 'player 1']]);
  expect(setUp.headers.get('Session')).toMatch(/^[0-9a-f]{32};timeout=55$/);
  expect(setUp.headers.get('Transport')).toMatch(/^RTP\/AVP\/TCP;unicast;interleaved=0-1;ssrc=[0-9A-F]{8}$/);
  expect(box.server.rtsp.sessions.list()).toMatchObject([
    { state: 'idle', path: 'cam', user: '', userAgent: 'player 1', transport: 'TCP', profile: 'AVP' },
  ]);
  expect((await caller.ask('PLAY', box.url('cam/'))).status).toBe(200);
  expect(box.server.rtsp.sessions.list()).toMatchObject([{ state: 'read' }]);
  expect((await caller.ask('PLAY', box.url('cam/'))).status).toBe(200);
  expect((await caller.ask('PAUSE', box.url('cam/'))).status).toBe(200);
  expect(box.server.rtsp.sessions.list()).toMatchObject([{ state: 'idle' }]);
  expect((await caller.ask('PLAY', box.url('cam/'))).status).toBe(200);
  expect((await caller.ask('TEARDOWN', box.url('cam/'))).status).toBe(200);
  expect(box.server.rtsp.sessions.list()).toEqual([]);
  expect((await caller.ask('PLAY', box.url('cam/'))).status).toBe(454);
});

test.for([
  ['Lavf59.27.100', true],
  ['FFmpeg Frigate/0.17.2-3a2b1c0', true],
  ['go2rtc/ffmpeg', true],
  ['go2rtc/1.9.9', false],
  ['GStreamer/1.22.0', false],
  ['LibVLC/3.0.20 (LIVE555 Streaming Media v2016.11.28)', false],
  ['gortsplib', false],
] as const)('%s gets placeholders ahead of its first key frame: %s', async ([userAgent, expected]) => {
  await using box = await RtspHarness.open();
  const stream = new Stream([h264Track(hex(H264_SPS), [hex(H264_PPS)])]);
  box.paths.streams.set('cam', stream);
  const caller = await box.call();
  await caller.ask('SETUP', box.url('cam/trackID=0'), [TCP, ['User-Agent', userAgent]]);
  await caller.ask('PLAY', box.url('cam/'));
  stream.write(0, { pts: 0, dts: 0, wall: 0, key: true, data: Uint8Array.of(0, 0, 0, 2, 0x65, 0x88) });
  const pictures = () => caller.frames.filter(({ channel, payload }) => channel === 0 && payload[12] === 0x65);
  await caller.until(() => pictures().length > 0);
  const [first] = caller.frames.filter(({ channel }) => channel === 0);
  expect(first?.payload.at(-1) === END_OF_SEQUENCE).toBe(expected);
});

test('a reader counts as one from its first SETUP to its end', async () => {
  await using box = await boxWithCamera();
  const stream = box.paths.streams.get('cam') as Stream;
  const caller = await box.call();
  await caller.ask('SETUP', box.url('cam/trackID=0'), [TCP]);
  const { id } = box.server.rtsp.sessions.list()[0] ?? { id: '' };
  expect(stream.readers.map((reader) => `${reader.kind?.apiType} ${reader.id}`)).toEqual([`rtspSession ${id}`]);
  await caller.ask('TEARDOWN', box.url('cam'));
  expect(stream.readers).toEqual([]);
});

test.for([
  ['a track that the stream does not have', 'cam/trackID=2', 'RTP/AVP/TCP;interleaved=0-1', 404],
  ['no Transport', 'cam/trackID=0', '', 461],
  ['media that are encrypted', 'cam/trackID=0', 'RTP/SAVP/TCP;unicast;interleaved=0-1', 461],
  ['a transport that is off', 'cam/trackID=0', 'RTP/AVP;multicast', 461],
  ['one channel for two kinds of packets', 'cam/trackID=0', 'RTP/AVP/TCP;interleaved=3-3', 461],
] as const)('SETUP of %s is rejected and leaves no session', async ([, name, transport, status]) => {
  await using box = await RtspHarness.open({ rtspTransports: ['tcp', 'udp'] });
  box.paths.streams.set('cam', new Stream([H264_TRACK, ALAW]));
  const caller = await box.call();
  expect((await caller.ask('SETUP', box.url(name), [['Transport', transport]])).status).toBe(status);
  expect(box.server.rtsp.sessions.list()).toEqual([]);
});

test('the first available transport is used', async () => {
  await using box = await RtspHarness.open({ rtspTransports: ['tcp'] });
  box.paths.streams.set('cam', new Stream([ALAW]));
  const caller = await box.call();
  const offer = 'RTP/AVP;unicast;client_port=5000-5001,RTP/AVP/TCP;unicast';
  const reply = await caller.ask('SETUP', box.url('cam/trackID=0'), [['Transport', offer]]);
  expect(reply.headers.get('Transport')).toContain('RTP/AVP/TCP;unicast;interleaved=0-1');
});

test.for([
  ['the same track twice', 'cam/trackID=0', 'RTP/AVP/TCP;interleaved=2-3', 400],
  ['channels that are taken', 'cam/trackID=1', 'RTP/AVP/TCP;interleaved=1-2', 461],
  ['another path', 'other/trackID=1', 'RTP/AVP/TCP;interleaved=2-3', 400],
  ['another transport', 'cam/trackID=1', 'RTP/AVP;unicast;client_port=5000-5001', 400],
] as const)('a second SETUP with %s is rejected, and the first track stays', async ([, name, transport, status]) => {
  await using box = await boxWithCamera();
  const caller = await box.call();
  await caller.ask('SETUP', box.url('cam/trackID=0'), [TCP]);
  expect((await caller.ask('SETUP', box.url(name), [['Transport', transport]])).status).toBe(status);
  expect((await caller.ask('PLAY', box.url('cam'))).status).toBe(200);
});

test('RECORD and ANNOUNCE in a reader’s session are rejected', async () => {
  await using box = await boxWithCamera();
  const caller = await box.call();
  await caller.ask('SETUP', box.url('cam/trackID=0'), [TCP]);
  expect((await caller.ask('RECORD', box.url('cam'))).status).toBe(455);
  expect((await caller.ask('ANNOUNCE', box.url('cam'), [SDP_TYPE], SDP)).status).toBe(455);
});

test.for([
  ['is no SDP by its type', [['Content-Type', 'text/plain']], SDP],
  ['has no type', [], SDP],
  ['has no media', [SDP_TYPE], 'v=0\r\ns=x\r\n'],
  ['has no known format', [SDP_TYPE], 'v=0\r\nm=application 0 RTP/AVP 107\r\n'],
  ['has more media than anybody plays', [SDP_TYPE], `v=0\r\n${'m=audio 0 RTP/AVP 8\r\n'.repeat(17)}`],
] as const)('ANNOUNCE whose body %s is rejected', async ([, headers, body]) => {
  await using box = await RtspHarness.open();
  box.paths.waiting.add('studio');
  const caller = await box.call();
  const reply = await caller.ask('ANNOUNCE', box.url('studio'), headers as readonly HeaderField[], body);
  expect(reply.status).toBe(400);
  expect(box.server.rtsp.sessions.list()).toEqual([]);
});

test('pipelined requests are answered in order, also those that wait', async () => {
  await using box = await boxWithCamera();
  const stream = box.paths.streams.get('cam') as Stream;
  const late = Promise.withResolvers<Stream>();
  box.paths.open = () => late.promise;
  const caller = await box.call();
  caller.socket.cork();
  caller.say('DESCRIBE', box.url('cam'));
  caller.say('OPTIONS', box.url('cam'));
  caller.say('DANCE', box.url('cam'));
  caller.socket.uncork();
  const other = await box.call();
  expect((await other.ask('OPTIONS', '*')).status).toBe(200);
  expect(caller.replies).toEqual([]);
  late.resolve(stream);
  await caller.until(() => caller.replies.length === 3);
  expect(caller.replies.map((reply) => `${reply.headers.get('CSeq')} ${reply.status}`)).toEqual([
    '1 200',
    '2 200',
    '3 501',
  ]);
});

test('a reader that leaves while its source starts leaves no session', async () => {
  await using box = await boxWithCamera();
  const stream = box.paths.streams.get('cam') as Stream;
  const late = Promise.withResolvers<Stream>();
  const asked = Promise.withResolvers<void>();
  box.paths.open = () => {
    asked.resolve();
    return late.promise;
  };
  const [caller, other] = [await box.call(), await box.call()];
  caller.say('SETUP', box.url('cam/trackID=0'), [TCP]);
  await asked.promise;
  caller.socket.destroy();
  while (box.server.rtsp.conns.list().length > 1) {
    await other.ask('OPTIONS', '*');
  }
  await other.ask('OPTIONS', '*');
  late.resolve(stream);
  await other.ask('OPTIONS', '*');
  expect(box.server.rtsp.sessions.list()).toEqual([]);
  expect(stream.readers).toEqual([]);
});

test('closing ends every session and connection', async () => {
  const box = await boxWithCamera();
  const caller = await box.call();
  await caller.ask('SETUP', box.url('cam/trackID=0'), [TCP]);
  await box.server.close();
  await caller.until(() => caller.hasEnded);
  expect(box.server.rtsp.port).toBe(0);
  expect(box.paths.streams.get('cam')?.readers).toEqual([]);
  await box[Symbol.asyncDispose]();
});

test('a port in use is reported with its key, and no other port stays open', async () => {
  await using box = await boxWithCamera();
  const second = new RtspHarness({ rtspAddress: `127.0.0.1:${box.server.rtsp.port}` });
  await expect(second.server.listen()).rejects.toThrow(/port \d+ is taken by this same Perch: change rtspAddress/);
});

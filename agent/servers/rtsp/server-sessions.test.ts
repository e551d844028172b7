// @also without-ffi

import { expect, test } from 'vitest';
import { RtspHarness } from '../../../test/support/harness/servers/rtsp-harness.ts';
import { H264_TRACK } from '../../../test/support/media/tracks.ts';
import type { HeaderField } from '../../media/rtsp/message.ts';
import type { Track } from '../../media/sample/track.ts';
import { Stream } from '../../stream/stream.ts';

const ALAW: Track = { kind: 'audio', codec: 'g711', law: 'a', clockRate: 8000, channels: 1 };
const TCP: HeaderField = ['Transport', 'RTP/AVP/TCP;unicast;interleaved=0-1'];

async function boxWithCamera(): Promise<RtspHarness> {
  const box = await RtspHarness.open();
  box.paths.streams.set('cam', new Stream([H264_TRACK, ALAW]));
  return box;
}

test('a connection belongs to one session', async () => {
  await using box = await boxWithCamera();
  const [one, two] = [await box.call(), await box.call()];
  await one.ask('SETUP', box.url('cam/trackID=0'), [TCP]);
  const other = await two.ask('SETUP', box.url('cam/trackID=0'), [TCP]);
  const key = other.headers.get('Session')?.split(';')[0] ?? '';
  expect((await one.ask('PLAY', box.url('cam'), [['Session', key]])).status).toBe(400);
});

test('a request that causes an internal error is answered, logged, and closes its own connection only', async () => {
  await using box = await boxWithCamera();
  box.paths.redirectOf = () => {
    throw new TypeError('no such thing');
  };
  const [caller, other] = [await box.call(), await box.call()];
  expect((await caller.ask('DESCRIBE', box.url('cam'))).status).toBe(500);
  await caller.until(() => caller.hasEnded);
  expect(box.log.join('')).toContain('no such thing');
  expect((await other.ask('OPTIONS', '*')).status).toBe(200);
});

test('a connection says something in the first ten seconds, and something every minute', async () => {
  await using box = await boxWithCamera();
  const [silent, idle, player] = [await box.call(), await box.call(), await box.call()];
  await idle.ask('OPTIONS', '*');
  await player.ask('SETUP', box.url('cam/trackID=0'), [TCP]);
  await player.ask('PLAY', box.url('cam'));
  silent.socket.write('OPT');
  await box.clock.advance(11_000);
  await silent.until(() => silent.hasEnded);
  expect(idle.hasEnded).toBe(false);
  await box.clock.advance(50_000);
  await idle.until(() => idle.hasEnded);
  await box.clock.advance(600_000);
  expect((await player.ask('GET_PARAMETER', '*')).status).toBe(200);
});

test('a session that is set up but not played ends after a minute without a sign of life', async () => {
  await using box = await boxWithCamera();
  const caller = await box.call();
  await caller.ask('SETUP', box.url('cam/trackID=0'), [TCP]);
  await box.clock.advance(50_000);
  await caller.ask('GET_PARAMETER', '*');
  await box.clock.advance(50_000);
  expect(box.server.rtsp.sessions.list()).toHaveLength(1);
  await box.clock.advance(12_000);
  expect(box.server.rtsp.sessions.list()).toEqual([]);
  await caller.until(() => caller.hasEnded);
});

test('a session over TCP ends with its connection', async () => {
  await using box = await boxWithCamera();
  const stream = box.paths.streams.get('cam') as Stream;
  const caller = await box.call();
  await caller.ask('SETUP', box.url('cam/trackID=0'), [TCP]);
  const [conn] = box.server.rtsp.conns.list();
  expect(conn).toMatchObject({ tunnel: 'none', session: box.server.rtsp.sessions.list()[0]?.id });
  expect(conn?.inboundBytes).toBeGreaterThan(0);
  expect(conn?.outboundBytes).toBe(conn?.bytesSent);
  caller.socket.destroy();
  const other = await box.call();
  await other.ask('OPTIONS', '*');
  expect(box.server.rtsp.sessions.list()).toEqual([]);
  expect(stream.readers).toEqual([]);
});

test('a session may be spoken of on another connection of the same address, and is listed with both', async () => {
  await using box = await boxWithCamera();
  const [caller, other] = [await box.call(), await box.call()];
  const setUp = await caller.ask('SETUP', box.url('cam/trackID=0'), [TCP]);
  const key = setUp.headers.get('Session')?.split(';')[0] ?? '';
  expect((await other.ask('PLAY', box.url('cam'), [['Session', key]])).status).toBe(200);
  const conns = box.server.rtsp.conns.list().map(({ id }) => id);
  expect(box.server.rtsp.sessions.list()[0]?.conns.toSorted()).toEqual(conns.toSorted());
});

test('a kicked session ends with its connections', async () => {
  await using box = await boxWithCamera();
  const [reader, idle] = [await box.call(), await box.call()];
  await idle.ask('OPTIONS', '*');
  await reader.ask('SETUP', box.url('cam/trackID=0'), [TCP]);
  const { conns, sessions } = box.server.rtsp;
  const session = sessions.list()[0]?.id ?? '';
  expect(sessions.kick(session)).toBe(true);
  await reader.until(() => reader.hasEnded);
  expect(conns.list()).toHaveLength(1);
  const conn = conns.list()[0]?.id ?? '';
  expect(conns.kick(conn)).toBe(true);
  await idle.until(() => idle.hasEnded);
  expect([sessions.kick(session), conns.kick(conn), sessions.list(), conns.list()]).toEqual([false, false, [], []]);
});

const logged = (box: RtspHarness, msg: string) =>
  box.log.map((line) => JSON.parse(line)).filter((line) => line.msg.startsWith(msg));

test.for([
  [['tcp'], 'RTP/AVP;unicast;client_port=5000-5001', 'the client requests UDP, available: TCP'],
  [['udp', 'tcp'], 'RTP/AVP;multicast', 'the client requests UDP-multicast, available: UDP, TCP'],
  [['tcp'], 'RTP/SAVP/TCP;unicast', 'the client requests SRTP, available: TCP'],
  [['tcp'], 'RAW;x', "the client requests an invalid transport ('RAW;x'), available: TCP"],
] as const)(
  'with %s the rejection of %s is logged with its path and reason',
  async ([rtspTransports, transport, reason]) => {
    await using box = await RtspHarness.open({ rtspTransports: [...rtspTransports] });
    box.paths.streams.set('cam', new Stream([ALAW]));
    const caller = await box.call();
    await caller.ask('SETUP', box.url('cam/trackID=0'), [['Transport', transport]]);
    expect(logged(box, 'RTSP request rejected')).toMatchObject([{ path: 'cam', method: 'SETUP', status: 461, reason }]);
  },
);

test('the log omits a missing user and a disabled port', async () => {
  await using box = await boxWithCamera();
  const caller = await box.call();
  await caller.ask('SETUP', box.url('cam/trackID=0'), [TCP]);
  await caller.ask('PLAY', box.url('cam'));
  const [reading] = logged(box, 'is reading from path');
  expect(reading).toMatchObject({ path: 'cam', transport: 'TCP' });
  expect(reading).not.toHaveProperty('user');
  expect(logged(box, 'RTSP server is open')).toEqual([expect.objectContaining({ rtsp: box.server.rtsp.port })]);
  expect(logged(box, 'RTSP server is open')[0]).not.toHaveProperty('rtsps');
});

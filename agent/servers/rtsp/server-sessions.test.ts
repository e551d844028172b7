// @also without-ffi in long

import { expect, test } from 'vitest';
import { RtspHarness } from '../../../test/support/harness/servers/rtsp-harness.ts';
import { H264_TRACK } from '../../../test/support/media/tracks.ts';
import { type HeaderField, writeRequest } from '../../media/rtsp/message.ts';
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

const keyOf = (answer: { readonly headers: { get(name: string): string | undefined } }): string =>
  answer.headers.get('Session')?.split(';')[0] ?? '';
const interleaved = (channel: number): HeaderField => [
  'Transport',
  `RTP/AVP/TCP;unicast;interleaved=${channel}-${channel + 1}`,
];

// libavformat/rtspdec.c, rtsp_read_packet(): "UDP timeout, retrying with TCP" sends PAUSE, forgets the key of the session, and sends
// SETUP for each track on the same connection.
test('FFmpeg, which gets nothing over UDP, changes to TCP on its connection, in a new session', async () => {
  await using box = await boxWithCamera();
  const caller = await box.call();
  caller.namesItsSession = false;
  const udp = (port: number): HeaderField => ['Transport', `RTP/AVP;unicast;client_port=${port}-${port + 1}`];
  const former = keyOf(await caller.ask('SETUP', box.url('cam/trackID=0'), [udp(40_000)]));
  await caller.ask('SETUP', box.url('cam/trackID=1'), [udp(40_002), ['Session', former]]);
  expect((await caller.ask('PLAY', box.url('cam'), [['Session', former]])).status).toBe(200);
  expect((await caller.ask('PAUSE', box.url('cam'), [['Session', former]])).status).toBe(200);
  const again = await caller.ask('SETUP', box.url('cam/trackID=0'), [interleaved(0)]);
  const key = keyOf(again);
  expect([again.status, key === former]).toEqual([200, false]);
  expect((await caller.ask('SETUP', box.url('cam/trackID=1'), [interleaved(2), ['Session', key]])).status).toBe(200);
  expect((await caller.ask('PLAY', box.url('cam'), [['Session', key]])).status).toBe(200);
  expect(box.server.rtsp.sessions.list()).toMatchObject([{ transport: 'TCP', state: 'read' }]);
  expect(box.log.join('')).toContain('set up again');
});

test('a client that names no session gets its tracks in one, over one transport, and none of them twice while it plays', async () => {
  await using box = await boxWithCamera();
  const stream = box.paths.streams.get('cam') as Stream;
  const caller = await box.call();
  caller.namesItsSession = false;
  const first = await caller.ask('SETUP', box.url('cam/trackID=0'), [interleaved(0)]);
  const second = await caller.ask('SETUP', box.url('cam/trackID=1'), [interleaved(2)]);
  expect([second.status, keyOf(second)]).toEqual([200, keyOf(first)]);
  expect((await caller.ask('PLAY', box.url('cam'))).status).toBe(200);
  stream.write(0, { pts: 0, dts: 0, key: true, wall: 0, data: Buffer.of(0, 0, 0, 2, 0x65, 0) });
  stream.write(1, { pts: 0, dts: 0, key: true, wall: 0, data: Buffer.alloc(160) });
  await caller.until(() => new Set(caller.frames.map(({ channel }) => channel & 2)).size === 2);
  expect((await caller.ask('SETUP', box.url('cam/trackID=0'), [interleaved(4)])).status).toBe(400);
  expect(box.server.rtsp.sessions.list()).toMatchObject([{ state: 'read' }]);
});

test('a track that is set up a second time in the session that the client names is refused', async () => {
  await using box = await boxWithCamera();
  const caller = await box.call();
  const key = keyOf(await caller.ask('SETUP', box.url('cam/trackID=0'), [interleaved(0)]));
  const again = await caller.ask('SETUP', box.url('cam/trackID=0'), [interleaved(2), ['Session', key]]);
  expect(again.status).toBe(400);
  expect(box.server.rtsp.sessions.list()).toHaveLength(1);
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

test('at a new address a session asks for the login again, and plays for its own user alone', async () => {
  const users = ['ann', 'bob'].map((user) => ({
    user,
    pass: 'right',
    ips: [],
    permissions: [{ action: 'read' as const, path: '' }],
  }));
  await using box = await RtspHarness.open({ users });
  box.paths.streams.set('cam', new Stream([H264_TRACK, ALAW]));
  const as = (name: string): HeaderField => [
    'Authorization',
    `Basic ${Buffer.from(`${name}:right`).toString('base64')}`,
  ];
  const caller = await box.call();
  const setUp = await caller.ask('SETUP', box.url('cam/trackID=0'), [TCP, as('ann')]);
  const session: HeaderField = ['Session', setUp.headers.get('Session')?.split(';')[0] ?? ''];
  const [other, stranger] = [await box.call(false, '127.0.0.2'), await box.call(false, '127.0.0.3')];
  expect((await other.ask('TEARDOWN', box.url('cam'), [session])).status).toBe(401);
  expect((await stranger.ask('TEARDOWN', box.url('cam'), [session, as('bob')])).status).toBe(454);
  expect((await other.ask('PLAY', box.url('cam'), [session, as('ann')])).status).toBe(200);
  expect((await other.ask('GET_PARAMETER', box.url('cam'), [session])).status).toBe(200);
  expect(box.server.rtsp.sessions.list()).toHaveLength(1);
});

test('a session of a path without a login goes with its player to a new address', async () => {
  await using box = await boxWithCamera();
  const [caller, other] = [await box.call(), await box.call(false, '127.0.0.2')];
  const setUp = await caller.ask('SETUP', box.url('cam/trackID=0'), [TCP]);
  const key = setUp.headers.get('Session')?.split(';')[0] ?? '';
  expect((await other.ask('PLAY', box.url('cam'), [['Session', 'f'.repeat(32)]])).status).toBe(454);
  expect((await other.ask('PLAY', box.url('cam'), [['Session', key]])).status).toBe(200);
});

test('in a tunnel of two addresses the key of the session is required', async () => {
  await using box = await boxWithCamera();
  const cookie = 'x-sessioncookie: 0123456789abcdef\r\n';
  const tunnelled = 'application/x-rtsp-tunnelled';
  const get = await box.call();
  let text = '';
  get.socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  get.socket.write(`GET /cam HTTP/1.0\r\n${cookie}Accept: ${tunnelled}\r\n\r\n`);
  await expect.poll(() => text).toContain('200 OK');
  const post = await box.call(false, '127.0.0.2');
  post.socket.write(`POST /cam HTTP/1.0\r\n${cookie}Content-Type: ${tunnelled}\r\nContent-Length: 32767\r\n\r\n`);
  const ask = async (method: string, uri: string, fields: readonly HeaderField[], cseq: number) => {
    const message = writeRequest(method, box.url(uri), [['CSeq', `${cseq}`], ...fields]);
    post.socket.write(Buffer.from(message).toString('base64'));
    const reply = new RegExp(`RTSP/1\\.0 (\\d+)(?:(?!RTSP/1).)*CSeq: ${cseq}\\r`, 's');
    await expect.poll(() => reply.exec(text)?.[1]).toBeDefined();
    return Number(reply.exec(text)?.[1]);
  };
  expect(await ask('SETUP', 'cam/trackID=0', [TCP], 1)).toBe(200);
  const key = /Session: ([0-9a-f]{32})/.exec(text)?.[1] ?? '';
  expect(await ask('TEARDOWN', 'cam', [], 2)).toBe(454);
  expect(await ask('PLAY', 'cam', [['Session', key]], 3)).toBe(200);
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

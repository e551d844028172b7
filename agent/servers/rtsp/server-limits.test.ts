import { expect, test } from 'vitest';
import { RtspHarness } from '../../../test/support/harness/servers/rtsp-harness.ts';
import { H264_TRACK } from '../../../test/support/media/tracks.ts';
import type { Track } from '../../media/sample/track.ts';
import { Stream } from '../../stream/stream.ts';

const ALAW: Track = { kind: 'audio', codec: 'g711', law: 'a', clockRate: 8000, channels: 1 };

async function boxWithCamera(): Promise<RtspHarness> {
  const box = await RtspHarness.open();
  box.paths.streams.set('cam', new Stream([H264_TRACK, ALAW]));
  return box;
}

test.for([
  ['is missing', []],
  ['is no number', [['CSeq', 'x']]],
  ['has a carriage return in it', 'CSeq: 1\r2\r\n'],
] as const)('a request whose CSeq %s is answered without', async ([, headers]) => {
  await using box = await boxWithCamera();
  const caller = await box.call();
  const fields =
    typeof headers === 'string' ? headers : headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  caller.socket.write(`OPTIONS * RTSP/1.0\r\n${fields}\r\n`);
  await caller.until(() => caller.replies.length === 1);
  expect(caller.replies[0]?.status).toBe(200);
  expect(caller.replies[0]?.headers.get('CSeq')).toBeUndefined();
});

test('more requests than may wait end the connection', async () => {
  await using box = await boxWithCamera();
  box.paths.open = () => new Promise(() => {});
  const caller = await box.call();
  caller.say('DESCRIBE', box.url('cam'));
  for (let i = 0; i < 40; i += 1) {
    caller.say('OPTIONS', '*');
  }
  await caller.until(() => caller.hasEnded);
  expect(box.log.join('')).toContain('more than 32 requests wait');
});

test.for([
  ['bytes that are no RTSP after a request', 'OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n', 'x'.repeat(20_000), 'not RTSP'],
  ['a head without end', `OPTIONS * RTSP/1.0\r\n`, 'A: b\r\n'.repeat(6_000), 'RTSP head beyond'],
  ['a line without end', 'OPTIONS * RTSP/1.0\r\nA: ', 'b'.repeat(9_000), 'RTSP head beyond'],
  ['a body beyond all measure', '', 'ANNOUNCE x RTSP/1.0\r\nContent-Length: 999999\r\n\r\n', 'at most 131072'],
  [
    'more headers than anybody needs',
    '',
    `OPTIONS * RTSP/1.0\r\n${'a: b\r\n'.repeat(150)}\r\n`,
    'more than 100 headers',
  ],
] as const)('%s end the connection, with the reason in the log', async ([, first, rest, reason]) => {
  await using box = await boxWithCamera();
  const caller = await box.call();
  caller.socket.write(first);
  caller.socket.write(rest);
  await caller.until(() => caller.hasEnded);
  expect(box.log.join('')).toContain(reason);
  expect(box.server.rtsp.conns.list()).toEqual([]);
});

test('one address has at most 256 connections, and rejections are logged now and then', async () => {
  await using box = await boxWithCamera();
  for (let i = 0; i < 256; i += 1) {
    const caller = await box.call();
    await caller.ask('OPTIONS', '*');
  }
  const logged = () => box.log.filter((line) => line.includes('too many RTSP connections'));
  for (let i = 0; i < 4; i += 1) {
    await box.clock.advance(i === 3 ? 10_000 : 0);
    const caller = await box.call();
    await caller.until(() => caller.hasEnded);
  }
  expect(logged().map((line) => JSON.parse(line).refused)).toEqual([1, 3]);
  expect(box.server.rtsp.conns.list()).toHaveLength(256);
});

test('a client that asks without end and reads no answer is let go', async () => {
  await using box = await boxWithCamera();
  const [caller, other] = [await box.call(), await box.call()];
  await caller.ask('OPTIONS', '*');
  await other.ask('OPTIONS', '*');
  const [id = ''] = box.server.rtsp.conns.list().map((conn) => conn.id);
  const conn = () => box.server.rtsp.conns.list().find((one) => one.id === id);
  caller.socket.pause();
  while (conn() !== undefined) {
    for (let i = 0; i < 16; i += 1) {
      caller.say('DESCRIBE', box.url('cam'));
    }
    while ((conn()?.inboundBytes ?? Number.POSITIVE_INFINITY) < caller.socket.bytesWritten) {
      await other.ask('OPTIONS', '*');
    }
    // The buffers of both ends hold some megabytes.
    expect(conn()?.outboundBytes ?? 0).toBeLessThan(16_000_000);
  }
  expect(box.log.join('')).toContain('262144 bytes of responses are unread');
});

test('requests that wait are bounded in bytes, too', async () => {
  await using box = await boxWithCamera();
  box.paths.open = () => new Promise(() => {});
  const caller = await box.call();
  caller.say('DESCRIBE', box.url('cam'));
  caller.say('SET_PARAMETER', '*', [], 'x'.repeat(100_000));
  caller.say('SET_PARAMETER', '*', [], 'x'.repeat(100_000));
  await caller.until(() => caller.hasEnded);
  expect(box.log.join('')).toContain('more than 131072 bytes of requests wait');
});

const UNFINISHED_BYTES = 100_000;
const UNFINISHED = `ANNOUNCE rtsp://box/cam RTSP/1.0\r\nContent-Length: ${UNFINISHED_BYTES + 1}\r\n\r\n${'x'.repeat(UNFINISHED_BYTES)}`;

test('the body of a request counts as memory of clients without a session until its client disconnects', async () => {
  await using box = await boxWithCamera();
  const caller = await box.call();
  caller.socket.write(UNFINISHED);
  await expect.poll(() => box.preLogin.bytes).toBeGreaterThan(UNFINISHED_BYTES);
  caller.socket.destroy();
  await expect.poll(() => box.preLogin.bytes).toBe(0);
});

test('the oldest connection is closed when bodies hold too much, and a session in progress is not', async () => {
  await using box = await RtspHarness.open({ preLoginBytes: 2.5 * UNFINISHED_BYTES });
  box.paths.streams.set('cam', new Stream([H264_TRACK]));
  const reader = await box.call();
  await reader.ask('SETUP', `${box.url('cam')}/trackID=0`, [['Transport', 'RTP/AVP/TCP;unicast;interleaved=0-1']]);
  const callers = [await box.call(), await box.call(), await box.call()];
  for (const [i, { socket }] of callers.entries()) {
    socket.write(UNFINISHED);
    await expect.poll(() => box.preLogin.bytes).toBeGreaterThan(Math.min(i + 1, 2) * UNFINISHED_BYTES);
  }
  await callers[0]?.until(() => callers[0]?.hasEnded === true);
  expect(callers.map(({ hasEnded }) => hasEnded)).toEqual([true, false, false]);
  expect(box.preLogin.bytes).toBeLessThanOrEqual(2.5 * UNFINISHED_BYTES);
  expect(reader.hasEnded).toBe(false);
  expect(box.log.join('')).toContain('clients without a login use too much memory');
});

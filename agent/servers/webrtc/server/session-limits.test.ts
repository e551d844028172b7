// @also without-ffi in long

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { heapBytes } from '../../../../test/support/base/heap.ts';
import { WEBRTC_OPTIONS } from '../../../../test/support/clients/webrtc/webrtc-options.ts';
import { webrtcPaths } from '../../../../test/support/clients/webrtc/webrtc-paths.ts';
import { H264_TRACK } from '../../../../test/support/media/tracks.ts';
import { silentLogger } from '../../../base/log.ts';
import type { BackChannel } from '../../../stream/contracts.ts';
import { Stream } from '../../../stream/stream.ts';
import { WebRtcServer } from './server.ts';
import { SessionLimits } from './session-limits.ts';

const OFFER = readFileSync('test/fixtures/offers/chromium-156-linux.sdp', 'utf8');

const LOUDSPEAKER: BackChannel = { codec: 'PCMU', clockRate: 8_000, channels: 1, send: () => {}, close: () => {} };
/** An offer to send and receive. */
const BOTH_WAYS = readFileSync('test/fixtures/offers/chromium-156-linux-whip.sdp', 'utf8').replaceAll(
  'a=sendonly',
  'a=sendrecv',
);

const requester = (path: string, ip: string) => ({ path, query: '', remoteAddr: `${ip}:5`, userAgent: '', user: '' });
/** This many different addresses. */
const addresses = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);

test('a hundred sessions of one address may wait for their handshakes, five hundred may be there', () => {
  const limits = new SessionLimits();
  for (let i = 0; i < 500; i += 1) {
    limits.take(requester('cam', '192.0.2.1')).confirm();
  }
  expect(() => limits.take(requester('other', '192.0.2.1'))).toThrow(
    'too many WebRTC sessions: 500 from 192.0.2.1, limit 500',
  );
  for (let i = 0; i < 100; i += 1) {
    limits.take(requester('other', '[2001:db8::1]'));
  }
  expect(() => limits.take(requester('other', '[2001:db8::1]'))).toThrow(
    'too many WebRTC sessions: 100 from 2001:db8:0:0::/64 that wait for a handshake, limit 100',
  );
  expect(() => limits.take(requester('other', '192.0.2.2'))).not.toThrow();
});

test('all addresses that one subscriber of IPv6 has count as one', () => {
  const limits = new SessionLimits();
  const seats = Array.from({ length: 100 }, (_, i) => limits.take(requester('cam', `[2001:db8::${i.toString(16)}:1]`)));
  expect(() => limits.take(requester('cam', '[2001:db8::ffff]'))).toThrow('from 2001:db8:0:0::/64');
  expect(() => limits.take(requester('cam', '[2001:db8:0:1::1]'))).not.toThrow();
  seats[0]?.release();
  expect(() => limits.take(requester('cam', '[2001:db8::ffff]'))).not.toThrow();
});

test('one path has five hundred sessions, all paths together have a thousand', () => {
  const limits = new SessionLimits();
  const [one = '', ...others] = addresses(1_001);
  const first = limits.take(requester('cam', one));
  for (const ip of others.slice(0, 499)) {
    limits.take(requester('cam', ip));
  }
  expect(() => limits.take(requester('cam', others[499] ?? ''))).toThrow(
    "too many WebRTC sessions: 500 of path 'cam', limit 500",
  );
  for (const ip of others.slice(500)) {
    limits.take(requester('yard', ip));
  }
  expect(() => limits.take(requester('hall', '192.0.2.1'))).toThrow(
    'too many WebRTC sessions: 1000 in all, limit 1000',
  );
  first.release();
  first.release();
  expect(() => limits.take(requester('hall', '192.0.2.1'))).not.toThrow();
  expect(() => limits.take(requester('hall', '192.0.2.1'))).toThrow('in all');
});

async function startServer(clock: FakeClock, stream: Stream): Promise<WebRtcServer> {
  const server = new WebRtcServer(
    WEBRTC_OPTIONS,
    webrtcPaths(async () => stream, { mayPublish: () => {}, talk: async () => LOUDSPEAKER }),
    clock,
    silentLogger,
  );
  await server.listen();
  return server;
}

test('ten thousand abandoned offers leave no resources', async () => {
  const clock = new FakeClock();
  const stream = new Stream([H264_TRACK]);
  const server = await startServer(clock, stream);
  const viewers = addresses(1_000).map((ip, i) => requester(`cam${i % 2}`, ip));
  let warmBytes = 0;
  for (let round = 0; round < 5; round += 1) {
    const answers = await Promise.allSettled([...viewers, ...viewers].map((viewer) => server.read(viewer, OFFER)));
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1_000);
    expect(stream.readers.length).toBe(1_000);
    await clock.advance(11_000);
    expect(server.list()).toEqual([]);
    expect(stream.readers).toEqual([]);
    warmBytes = round === 1 ? heapBytes() : warmBytes;
  }
  expect(heapBytes() - warmBytes).toBeLessThan(1_000_000);
  await server.close();
}, 60_000);

test('the text of an offer is freed before its session ends', async () => {
  const clock = new FakeClock();
  const server = await startServer(clock, new Stream([H264_TRACK]));
  const before = heapBytes();
  for (const ip of addresses(200)) {
    // A separate string, as from a request.
    const text = Buffer.from(`${OFFER}a=x:${ip}${'y'.repeat(100_000)}\r\n`).toString();
    await server.read(requester('cam', ip), text);
  }
  expect(server.list()).toHaveLength(200);
  expect(heapBytes() - before).toBeLessThan(200 * 50_000);
  await server.close();
});

test.for(['read', 'publish', 'talk', 'echo'] as const)(
  'of an offer with thousands of attributes a session keeps what it uses: %s',
  async (kind) => {
    const server = await startServer(new FakeClock(), new Stream([H264_TRACK]));
    const attributes = Array.from({ length: 1_700 }, (_, i) => `\r\na=rtcp-fb:96 x${i}-${'y'.repeat(12)}`).join('');
    const offer = (kind === 'read' ? OFFER : BOTH_WAYS).replaceAll('a=rtcp-mux', `a=rtcp-mux${attributes}`);
    const before = heapBytes();
    for (const ip of addresses(200)) {
      await server[kind](requester('cam', ip), Buffer.from(offer).toString());
    }
    expect(server.list()).toHaveLength(200);
    expect(heapBytes() - before).toBeLessThan(200 * 30_000);
    await server.close();
  },
);

test('a rejected offer does not count as a session', async () => {
  const server = await startServer(new FakeClock(), new Stream([H264_TRACK]));
  const viewer = requester('cam', '192.0.2.1');
  for (let i = 0; i < 200; i += 1) {
    await expect(server.read(viewer, 'v=0')).rejects.toThrow('the offer has no media');
  }
  await server.read(viewer, OFFER);
  await server.close();
});

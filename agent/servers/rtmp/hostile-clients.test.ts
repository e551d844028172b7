import { once } from 'node:events';
import type { Socket } from 'node:net';
import { expect, test, vi } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import {
  BEGUN_PICTURE,
  CHUNK_SIZE,
  CONNECT,
  command,
  HANDSHAKE,
  MANY_MESSAGES,
  METADATA,
  opening,
} from '../../../test/support/clients/rtmp-bytes.ts';
import { RtmpHarness } from '../../../test/support/harness/servers/rtmp-harness.ts';
import { tinyH264, tinyVideo } from '../../../test/support/media/tiny-h264.ts';
import type { InternalUser } from '../../config/schema/common/general.ts';
import { Stream } from '../../stream/stream.ts';
import { EVENT, writeEvent } from '../../transports/rtmp/messages.ts';
import { RtmpSender } from '../../transports/rtmp/sender.ts';

const TOM: readonly InternalUser[] = [{ user: 'tom', pass: 'blue heron', ips: [], permissions: [] }];
/** Sends after the connection is open; what comes back is read and dropped. */
async function sending(box: RtmpHarness, ...parts: readonly Buffer[]): Promise<Socket> {
  const socket = box.socket();
  socket.resume();
  await once(socket, 'connect');
  for (const part of parts) {
    socket.write(part);
  }
  return socket;
}

/** A publisher whose pictures arrive whatever others do. */
async function publisher(box: RtmpHarness) {
  box.paths.waiting.add('live/cam');
  const client = box.client('live/cam');
  const messageStream = await client.publish();
  const source = new Stream([tinyH264]);
  const options = { abilities: { fourCcs: [], hasMultitrack: false }, messageStream, limitBytes: 1e6, onEnd: () => {} };
  new RtmpSender(client, source, options).start();
  let sent = 0;
  return {
    /** A picture goes in and comes out. */
    async goesOn(): Promise<void> {
      for (const picture of tinyVideo(5, 25, 5, sent * 3_600)) {
        source.write(0, picture);
      }
      sent += 5;
      const stream = await vi.waitUntil(() => box.paths.streams.get('live/cam'));
      const reader = { id: 'test', onSample: vi.fn(), onTrack: () => {}, onEnd: () => {} };
      stream.addReader(reader, false);
      for (const picture of tinyVideo(5, 25, 5, sent * 3_600)) {
        source.write(0, picture);
      }
      sent += 5;
      await vi.waitUntil(() => reader.onSample.mock.calls.length > 0);
      stream.removeReader(reader);
    },
  };
}

test('connections beyond 256 of an address are closed, and publishers notice nothing', async () => {
  await using box = await RtmpHarness.open();
  const camera = await publisher(box);
  let closed = 0;
  for (let i = 0; i < 300; i += 1) {
    (await sending(box)).once('close', () => {
      closed += 1;
    });
  }
  await vi.waitUntil(() => closed === 45);
  expect(box.items).toHaveLength(256);
  await camera.goesOn();
});

test.for([
  ['silence', []],
  ['a handshake that stops in the middle', [HANDSHAKE.subarray(0, 1_000)]],
  ['a handshake and nothing after it', [HANDSHAKE]],
  ['connect, and pings', [HANDSHAKE, CONNECT, writeEvent(EVENT.pingRequest, 1)]],
  ['a command that stops in the middle', [HANDSHAKE, CONNECT.subarray(0, 20)]],
] as const)('%s ends after the read timeout', async ([, parts]) => {
  await using box = await RtmpHarness.open();
  const socket = await sending(box, ...parts);
  await vi.waitUntil(() => box.items.length === 1);
  const closed = once(socket, 'close');
  for (let second = 0; second < 11; second += 1) {
    await box.clock.advance(1_000);
    // One byte a second does not keep the connection.
    socket.write(Buffer.of(0));
  }
  await closed;
  expect(box.items).toEqual([]);
});

test('garbage ends its own connection only', async () => {
  await using box = await RtmpHarness.open();
  const camera = await publisher(box);
  const next = random(5);
  for (let round = 0; round < 60; round += 1) {
    const garbage = Buffer.from(Array.from({ length: 4_000 }, () => Math.floor(next() * 256)));
    const parts = [[garbage], [HANDSHAKE, garbage], [HANDSHAKE, CONNECT, garbage]][round % 3] ?? [];
    await sending(box, ...parts);
  }
  await camera.goesOn();
  expect(box.log.filter((line) => line.includes('"level":50'))).toEqual([]);
});

test.for([
  ['connect', command('connect', 1, {})],
  ['createStream', command('createStream', 1, null)],
  ['pings that it does not read', writeEvent(EVENT.pingRequest, 1)],
] as const)('a flood of %s before the login ends, or costs little', async ([, flood]) => {
  await using box = await RtmpHarness.open(TOM);
  const socket = box.socket();
  await once(socket, 'connect');
  socket.pause();
  socket.write(Buffer.concat([HANDSHAKE, ...Array.from({ length: 5_000 }, () => flood)]));
  await vi.waitUntil(() => box.items.length === 0 || (box.items[0]?.inboundBytes ?? 0) > 5_000 * flood.length);
  expect(box.items[0]?.outboundBytes ?? 0).toBeLessThan(200_000);
});

test('a reader that floods with commands is disconnected, one that pauses now and then is not', async () => {
  await using box = await RtmpHarness.open();
  box.paths.streams.set('live/cam', new Stream([tinyH264]));
  const play = () => sending(box, ...opening('play', 'cam'));
  const [calm, wild] = [await play(), await play()];
  await vi.waitUntil(() => box.items.filter(({ state }) => state === 'read').length === 2);
  for (let second = 0; second < 80; second += 1) {
    calm.write(command('pause', 0, null, second % 2 === 0, 0));
    await box.clock.advance(1_000);
  }
  expect(box.items).toHaveLength(2);
  wild.write(Buffer.concat(Array.from({ length: 100 }, (_, i) => command('pause', 0, null, i % 2 === 0, 0))));
  await vi.waitUntil(() => box.items.length === 1);
  expect(calm.destroyed).toBe(false);
});

test('a publisher that stops in the middle of a tag is disconnected, and its path is free', async () => {
  await using box = await RtmpHarness.open();
  box.paths.waiting.add('live/cam');
  const socket = await sending(box, ...opening('publish', 'cam'));
  await vi.waitUntil(() => box.items[0]?.state === 'publish');
  socket.write(BEGUN_PICTURE);
  for (let second = 0; second < 11; second += 1) {
    await box.clock.advance(1_000);
  }
  await vi.waitUntil(() => box.items.length === 0);
  box.paths.waiting.add('live/cam');
  await (await publisher(box)).goesOn();
});

test('a publisher that sends only metadata is disconnected, and its path is free', async () => {
  await using box = await RtmpHarness.open();
  box.paths.waiting.add('live/cam');
  const socket = await sending(box, ...opening('publish', 'cam'));
  await vi.waitUntil(() => box.items[0]?.state === 'publish');
  for (let second = 0; second < 12; second += 1) {
    const before = box.items[0]?.inboundBytes ?? 0;
    socket.write(METADATA);
    await vi.waitUntil(() => box.items.length === 0 || (box.items[0]?.inboundBytes ?? 0) > before);
    await box.clock.advance(1_000);
  }
  await vi.waitUntil(() => box.items.length === 0);
  expect(box.log.join()).toContain('no media for 10 s');
});

test('clients with unfinished messages before the login hold no more than clients before their login may', async () => {
  await using box = await RtmpHarness.open(TOM);
  for (let i = 0; i < 250; i += 1) {
    await sending(box, HANDSHAKE, CONNECT, CHUNK_SIZE, MANY_MESSAGES.subarray(0, 31 << 10));
    expect(box.preLogin.bytes).toBeLessThanOrEqual(8 << 20);
  }
  await vi.waitUntil(() => box.items.length < 200 && box.items.every(({ inboundBytes }) => inboundBytes > 31 << 10));
  expect(box.preLogin.bytes).toBeGreaterThan(box.items.length * (40 << 10));
});

test('a client that sends much before publish or play is disconnected', async () => {
  await using box = await RtmpHarness.open(TOM);
  const socket = await sending(box, HANDSHAKE, CONNECT, CHUNK_SIZE, MANY_MESSAGES);
  await new Promise((resolve) => socket.once('close', resolve));
  expect(box.items).toEqual([]);
  expect(box.log.join()).toContain('more than 128 kB before publish or play');
});

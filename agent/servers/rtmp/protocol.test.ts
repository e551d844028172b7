import { once } from 'node:events';
import { expect, test, vi } from 'vitest';
import { RtmpHarness } from '../../../test/support/harness/servers/rtmp-harness.ts';
import { tinyH264, tinyVideo } from '../../../test/support/media/tiny-h264.ts';
import { hex } from '../../../test/support/media/units.ts';
import type { InternalUser } from '../../config/schema/common/general.ts';
import type { Sample } from '../../media/sample/sample.ts';
import type { Track } from '../../media/sample/track.ts';
import { Stream } from '../../stream/stream.ts';
import { RtmpSender } from '../../transports/rtmp/sender.ts';

const AAC: Track = {
  ...{ kind: 'audio', codec: 'aac', clockRate: 44_100, channels: 2, frameSamples: 1024 },
  config: Uint8Array.of(0x12, 0x10),
};
const ALL = { fourCcs: ['*'], hasMultitrack: true };
const frame = (pts: number): Sample => ({ pts, dts: pts, wall: 0, key: true, data: Uint8Array.of(1, 2, 3) });

/** A publisher of the pictures of a stream. @returns what the path receives */
async function publish(box: RtmpHarness, stream: Stream, name = 'live/cam') {
  box.paths.waiting.add(name.split('?')[0] ?? '');
  const client = box.client(name);
  const messageStream = await client.publish();
  const sender = new RtmpSender(client, stream, { abilities: ALL, messageStream, limitBytes: 1e6, onEnd: () => {} });
  sender.start();
  return client;
}

function recorder() {
  const samples: { track: number; pts: number; dts: number; key: boolean; data: Uint8Array }[] = [];
  const reader = {
    id: 'test',
    onSample: (track: number, { pts, dts, key, data }: Sample) =>
      void samples.push({ track, pts, dts, key, data: data.slice() }),
    onTrack: () => {},
    onEnd: () => {},
  };
  return { samples, reader };
}

test('pictures with B-frames and audio arrive as they were published', async () => {
  await using box = await RtmpHarness.open();
  const source = new Stream([tinyH264, AAC]);
  await publish(box, source);
  const pictures = tinyVideo(12, 25, 12);
  source.write(1, frame(0));
  for (const [i, picture] of pictures.entries()) {
    // Each second picture is shown 80 ms later.
    source.write(0, { ...picture, dts: picture.pts, pts: picture.pts + (i % 2) * 7_200 });
    source.write(1, frame((i + 1) * 1_764));
  }
  const stream = await vi.waitUntil(() => box.paths.streams.get('live/cam'));
  const { samples, reader } = recorder();
  stream.addReader(reader, true);
  await vi.waitUntil(() => samples.filter(({ track }) => track === 0).length === pictures.length);
  expect(stream.tracks).toEqual([{ ...tinyH264 }, AAC]);
  const video = samples.filter(({ track }) => track === 0);
  expect(video.map(({ data }) => Buffer.from(data).toString('hex'))).toEqual(
    pictures.map(({ data }) => Buffer.from(data).toString('hex')),
  );
  const first = video[0]?.dts ?? 0;
  expect(video.map(({ dts }) => dts - first)).toEqual(pictures.map(({ pts }) => pts));
  expect(video.map(({ pts, dts }) => pts - dts)).toEqual(pictures.map((_, i) => (i % 2) * 7_200));
  expect(box.items).toMatchObject([{ state: 'publish', path: 'live/cam', outboundFramesDiscarded: 0 }]);
});

test('a reader gets the group of pictures so far, then each new picture', async () => {
  await using box = await RtmpHarness.open();
  const stream = new Stream([tinyH264]);
  box.paths.streams.set('cam', stream);
  const pictures = tinyVideo(4, 25, 10);
  for (const picture of pictures.splice(0, 3)) {
    stream.write(0, picture);
  }
  const times: number[] = [];
  const client = box.client('cam');
  await client.play((type, timestamp) => void (type === 9 && times.push(timestamp)));
  await vi.waitUntil(() => times.length === 4);
  stream.write(0, pictures[0] as Sample);
  await vi.waitUntil(() => times.length === 5);
  // The configuration first.
  expect(times).toEqual([0, 0, 40, 80, 120]);
  stream.close();
  expect(String(await client.ended)).toContain("camera of path 'out' has ended the stream");
});

test('codecs of Enhanced RTMP go to clients that name them; log and rejection name a track that is not carried', async () => {
  await using box = await RtmpHarness.open();
  const opus: Track = { kind: 'audio', codec: 'opus', clockRate: 48_000, channels: 2 };
  const mjpeg: Track = { kind: 'video', codec: 'mjpeg', clockRate: 90_000, width: 8, height: 8, fps: undefined };
  box.paths.streams.set('sound', new Stream([opus, mjpeg]));
  const client = box.client('sound');
  await client.play(() => {});
  await vi.waitUntil(() => box.log.some((line) => line.includes('without a track')));
  expect(box.log.join()).toContain('"codec":"M-JPEG"');
  box.paths.streams.set('images', new Stream([mjpeg]));
  await expect(box.client('images').play(() => {})).rejects.toThrow(
    'no track can be sent: M-JPEG (not carried in RTMP)',
  );
});

const USERS: readonly InternalUser[] = [
  {
    user: 'tom',
    pass: 'blue heron',
    ips: [],
    permissions: [
      { action: 'publish', path: '' },
      { action: 'read', path: '' },
    ],
  },
];

test('user and password are in the query, and lists and log do not show them', async () => {
  await using box = await RtmpHarness.open(USERS);
  const source = new Stream([tinyH264]);
  await publish(box, source, 'live/cam?user=tom&pass=blue%20heron&camera=1');
  expect(box.items).toMatchObject([{ user: 'tom', path: 'live/cam', query: 'camera=1' }]);
  expect(box.log.join()).not.toContain('heron');
  await expect(box.client('other').publish()).rejects.toThrow('NetStream.Publish.Denied not permitted');
  expect(box.kick(box.items.find(({ state }) => state === 'publish')?.id ?? '')).toBe(true);
  await vi.waitUntil(() => box.items.every(({ state }) => state !== 'publish'));
});

test('a wrong password is rejected after the wait of all logins', async () => {
  await using box = await RtmpHarness.open(USERS);
  let reason = '';
  box
    .client('cam?user=tom&pass=x')
    .play(() => {})
    .catch((error: unknown) => {
      reason = String(error);
    });
  await vi.waitUntil(async () => {
    await box.clock.advance(500);
    return reason !== '';
  });
  expect(reason).toContain('NetStream.Play.Failed not permitted');
});

test('a path has one publisher, and a path without an entry none', async () => {
  await using box = await RtmpHarness.open();
  await publish(box, new Stream([tinyH264]), 'cam');
  await expect(box.client('cam').publish()).rejects.toThrow("someone is already publishing to path 'cam'");
  await expect(box.client('none').play(() => {})).rejects.toThrow("path 'none' is not configured");
});

test.for<readonly [string, Buffer]>([
  ['another protocol', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ['garbage after the handshake', Buffer.concat([Buffer.of(3), Buffer.alloc(3_072), Buffer.alloc(4_000, 0xff)])],
  ['media before a login', Buffer.concat([Buffer.of(3), Buffer.alloc(3_072), hex('06 000000 010000 09 01000000')])],
])('%s ends its own connection only', async ([, bytes]) => {
  await using box = await RtmpHarness.open();
  await publish(box, new Stream([tinyH264]), 'cam');
  const socket = box.socket();
  socket.write(bytes);
  socket.resume();
  await once(socket, 'close');
  expect(box.items).toMatchObject([{ state: 'publish' }]);
});

test('a client that stops before publish or play is disconnected, as is a silent publisher', async () => {
  await using box = await RtmpHarness.open();
  const socket = box.socket();
  socket.write(Buffer.concat([Buffer.of(3), Buffer.alloc(1_000)]));
  await publish(box, new Stream([tinyH264]), 'cam');
  await vi.waitUntil(() => box.items.length === 2);
  await box.clock.advance(11_000);
  await vi.waitUntil(() => box.items.length === 0);
  expect(box.log.join()).toContain('neither publish nor play within 10 s');
  expect(box.log.join()).toContain('no media for 10 s');
});

test('a reader that is too slow loses pictures up to the next key frame, and is not disconnected', async () => {
  await using box = await RtmpHarness.open(undefined, { writeQueueSize: 8 });
  const stream = new Stream([tinyH264]);
  box.paths.streams.set('cam', stream);
  const client = box.client('cam');
  await client.play(() => {});
  const [key, skip] = tinyVideo(2, 25, 10);
  if (!key || !skip) {
    throw new Error('no pictures');
  }
  stream.write(0, key);
  // Nothing is read between the writes of one turn.
  for (let i = 1; i <= 100; i += 1) {
    stream.write(0, { ...skip, pts: i * 3_600, dts: i * 3_600, data: new Uint8Array(200_000) });
  }
  expect(box.items[0]?.outboundFramesDiscarded).toBeGreaterThan(50);
  expect(box.items).toMatchObject([{ state: 'read' }]);
});

test('the log says why a publisher has to begin again', async () => {
  await using box = await RtmpHarness.open();
  const source = new Stream([AAC]);
  await publish(box, source);
  source.write(0, frame(0));
  for (let second = 0; second < 6; second += 1) {
    await box.clock.advance(1_000);
    source.write(0, frame((second + 1) * 44_100));
  }
  await vi.waitUntil(() => box.paths.streams.has('live/cam'));
  source.setTrack(0, { ...AAC, clockRate: 48_000, config: Uint8Array.of(0x11, 0x90) });
  const closed = () => box.log.find((line) => line.includes('RTMP connection closed'));
  await vi.waitUntil(async () => {
    await box.clock.advance(1_000);
    return closed() !== undefined;
  });
  expect(JSON.parse(closed() ?? '')).toMatchObject({
    level: 30,
    reason: expect.stringContaining('has changed the clock rate of MPEG-4 Audio from 44100 to 48000 Hz'),
  });
});

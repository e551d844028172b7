import { expect, test } from 'vitest';
import { mutate } from '../../../../test/support/base/mutate.ts';
import { random } from '../../../../test/support/base/random.ts';
import { openLiveHarness, turns, WEBSOCKET_FIELDS } from '../../../../test/support/harness/http/live-harness.ts';
import { tinyH264, tinyVideo } from '../../../../test/support/media/tiny-h264.ts';
import { parseFragment, parseInit } from '../../../media/mp4/read/read.ts';
import type { Sample } from '../../../media/sample/sample.ts';
import type { AacTrack, Track } from '../../../media/sample/track.ts';
import { maskedBinary } from '../../../media/websocket/frames.ts';
import { Stream } from '../../../stream/stream.ts';
import { HOPELESS_MS, QUEUE_BYTES } from './live-viewer.ts';
import type { MseError, MseInit } from './mse-protocol.ts';

const aac: AacTrack = {
  kind: 'audio',
  codec: 'aac',
  clockRate: 48_000,
  channels: 2,
  config: Uint8Array.of(0x11, 0x90),
  frameSamples: 1024,
};
const g711: Track = { kind: 'audio', codec: 'g711', law: 'a', clockRate: 8000, channels: 1 };
const mjpeg: Track = { kind: 'video', codec: 'mjpeg', clockRate: 90_000, width: 64, height: 48, fps: 25 };
const MASK = Uint8Array.of(1, 2, 3, 4);

/** @param pictures number of pictures at 25 Hz after the first `from`, beginning with a key picture */
function feed(stream: Stream, pictures: number, from = 0, bytes = 0): void {
  for (const picture of tinyVideo(pictures, 25, pictures, from * 3600, from * 40)) {
    const data = bytes > 0 ? new Uint8Array(bytes).fill(from) : picture.data;
    stream.write(0, { ...picture, data });
  }
}

const typesOf = (messages: readonly (object | Buffer)[]): string[] =>
  messages.map((message) => (Buffer.isBuffer(message) ? 'binary' : (message as { type: string }).type));

test('a viewer gets the description, the init segment, the frames since the last key frame, and each new frame', async () => {
  const box = await openLiveHarness();
  const stream = box.add('yard/cam', new Stream([tinyH264, aac]));
  feed(stream, 5);
  const viewer = await box.watch('yard/cam/mse?token=x');
  await viewer.until(() => viewer.binaries.length === 6);
  expect(typesOf(viewer.messages).slice(0, 4)).toEqual(['init', 'binary', 'clock', 'binary']);
  expect(viewer.messages[0]).toEqual({
    type: 'init',
    mimeCodec: 'video/mp4; codecs="avc1.42C00A,mp4a.40.2"',
    tracks: [
      { kind: 'video', codec: 'avc1.42C00A', label: 'H264', width: 64, height: 48 },
      { kind: 'audio', codec: 'mp4a.40.2', label: 'MPEG-4 Audio' },
    ],
    leftOut: [],
    startS: 10,
    liveS: 10.16,
  } satisfies MseInit);
  const [init, ...fragments] = viewer.binaries;
  expect(parseInit(init as Buffer)?.tracks.length).toBe(2);
  expect(fragments.map((bytes) => parseFragment(bytes)?.runs[0]?.baseTime)).toEqual(
    [0, 1, 2, 3, 4].map((i) => 900_000 + i * 3600),
  );
  expect(box.asked).toEqual(['yard/cam?token=x']);
  stream.write(0, { ...(tinyVideo(1, 25, 1, 5 * 3600)[0] as Sample), key: false });
  await viewer.until(() => viewer.binaries.length === 7);
});

test('tracks that the browser cannot decode are left out and named', async () => {
  const box = await openLiveHarness();
  feed(box.add('cam', new Stream([tinyH264, aac, g711])), 2);
  const tracksOf = async (query: string) => {
    const viewer = await box.watch(`cam/mse${query}`);
    await viewer.until(() => viewer.binaries.length >= 1);
    const { mimeCodec, leftOut } = viewer.messages[0] as MseInit;
    viewer.close();
    return [/"(.*)"/.exec(mimeCodec)?.[1], leftOut.map(({ label, reason }) => `${label} ${reason}`)];
  };
  expect(await tracksOf('?codecs=avc1,mp4a.40,flac')).toEqual(['avc1.42C00A,mp4a.40.2', ['FLAC second']]);
  expect(await tracksOf('?codecs=avc1.42C00A,fLaC')).toEqual(['avc1.42C00A,fLaC', ['MPEG-4 Audio browser']]);
  expect(await tracksOf('?codecs=AVC1')).toEqual(['avc1.42C00A', ['MPEG-4 Audio browser', 'FLAC browser']]);
});

test.for([
  ['cam/mse?codecs=hvc1,avc', 'codecs', "this browser cannot decode H264, which the stream on path 'cam' has"],
  // With audio alone, the reason for the missing picture would be unknown.
  [
    'both/mse?codecs=hvc1,mp4a.40',
    'codecs',
    "this browser cannot decode H264, which the stream on path 'both' has",
    ['H264'],
  ],
  [
    'old/mse?codecs=avc1,mp4a.40',
    'codecs',
    "no browser can decode M-JPEG, which the stream on path 'old' has",
    ['M-JPEG'],
  ],
  ['none/mse', 'notFound', "no stream is available on path 'none'"],
  ['vp8/mse', 'codecs', "the stream on path 'vp8' has VP8, which HLS does not support"],
] as const)('%s is refused with a reason', async ([path, code, reason, labels]) => {
  const box = await openLiveHarness();
  feed(box.add('cam', new Stream([tinyH264])), 1);
  box.add('both', new Stream([tinyH264, aac]));
  box.add('old', new Stream([mjpeg, aac]));
  box.add('vp8', new Stream([{ kind: 'video', codec: 'vp8', clockRate: 90_000, width: 64, height: 48, fps: 25 }]));
  const viewer = await box.watch(path);
  await viewer.closed();
  const error = viewer.messages[0] as MseError;
  expect(viewer.messages.length).toBe(1);
  expect([error.type, error.code, viewer.closeCode]).toEqual(['error', code, 4000]);
  expect(error.error).toContain(reason);
  if (labels) {
    expect(error.labels).toEqual(labels);
  }
});

test.for([
  ['?codecs=mp4a.40', 'of codecs for sound alone'],
  ['', 'nothing'],
] as const)(
  'a viewer with the codecs %s gets the audio of a stream whose video it cannot play: %s',
  async ([query]) => {
    const box = await openLiveHarness();
    const stream = box.add('old', new Stream([mjpeg, aac]));
    const viewer = await box.watch(`old/mse${query}`);
    stream.write(1, { pts: 0, dts: 0, wall: 0, key: true, data: Uint8Array.of(1, 2) });
    await viewer.until(() => viewer.messages.length > 0);
    expect(viewer.messages[0]).toMatchObject({
      type: 'init',
      tracks: [{ kind: 'audio' }],
      leftOut: [{ label: 'M-JPEG' }],
    });
  },
);

test.for([
  ['without an upgrade', {}, '426 Upgrade Required', 'Upgrade: websocket'],
  ['of another version', { ...WEBSOCKET_FIELDS, 'Sec-WebSocket-Version': '8' }, '426', 'Sec-WebSocket-Version: 13'],
  ['with a key that is none', { ...WEBSOCKET_FIELDS, 'Sec-WebSocket-Key': 'short' }, '400', 'application/json'],
  ['of a page that may not read here', { ...WEBSOCKET_FIELDS, Origin: 'https://evil.example' }, '401', 'json'],
  [
    'of a page that may',
    { ...WEBSOCKET_FIELDS, Origin: 'https://nas.example' },
    '101',
    'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
  ],
] as const)('a request %s is answered as HTTP does', async ([, fields, status, line]) => {
  const box = await openLiveHarness();
  feed(box.add('cam', new Stream([tinyH264])), 1);
  const head = await (await box.raw('cam/mse', fields)).head();
  expect(head.split('\r\n')[0]).toContain(`HTTP/1.1 ${status}`);
  expect(head.toLowerCase()).toContain(line.toLowerCase());
});

test('a page of this server is accepted, with any list', async () => {
  const box = await openLiveHarness({ allowOrigins: [] });
  feed(box.add('cam', new Stream([tinyH264])), 1);
  const own = await box.raw('cam/mse', { ...WEBSOCKET_FIELDS, Origin: box.url });
  expect(await own.head()).toContain(' 101 ');
});

test('an unauthorized viewer gets the usual response, and the connection closes', async () => {
  const box = await openLiveHarness({
    rules: {
      isOwn: false,
      internalUsers: [{ user: 'me', pass: 'secret', ips: [], permissions: [{ action: 'read', path: '' }] }],
    },
  });
  feed(box.add('cam', new Stream([tinyH264])), 1);
  const stranger = await box.raw('cam/mse', WEBSOCKET_FIELDS);
  await stranger.closed();
  expect(await stranger.head()).toContain(' 401 ');
  expect(await stranger.head()).toContain('www-authenticate: Basic');
  const Authorization = `Basic ${Buffer.from('me:secret').toString('base64')}`;
  const known = await box.raw('cam/mse', { ...WEBSOCKET_FIELDS, Authorization });
  expect(await known.head()).toContain(' 101 ');
  expect(box.server.list().map(({ user, path, transport }) => [user, path, transport])).toEqual([['me', 'cam', 'mse']]);
});

test('a viewer is listed as a reader of the path until it leaves', async () => {
  const box = await openLiveHarness();
  const stream = box.add('cam', new Stream([tinyH264]));
  feed(stream, 1);
  const viewer = await box.watch('cam/mse');
  await viewer.until(() => viewer.binaries.length === 2);
  const [session] = box.server.list();
  expect(stream.audience).toBe(1);
  expect(stream.readers.map(({ kind, id }) => (kind ? [kind.apiType, id] : id))).toEqual([
    ['hlsSession', session?.id],
    'live-fragments',
  ]);
  expect(session?.outboundBytes).toBe(stream.bytesSent);
  expect(stream.bytesSent).toBeGreaterThan(0);
  viewer.close();
  await viewer.closed();
  while (stream.readers.length > 0) {
    await new Promise(setImmediate);
  }
  expect([viewer.closeCode, box.server.list(), stream.audience]).toEqual([1000, [], 0]);
});

test('the end of the stream and a kick are reported', async () => {
  const box = await openLiveHarness();
  const stream = box.add('cam', new Stream([tinyH264]));
  feed(stream, 1);
  const [one, other] = [await box.watch('cam/mse'), await box.watch('cam/mse')];
  await Promise.all([one, other].map((viewer) => viewer.until(() => viewer.binaries.length === 2)));
  expect(box.server.kick(box.server.list()[0]?.id ?? '')).toBe(true);
  expect(box.server.kick('missing')).toBe(false);
  await one.closed();
  expect(one.messages.at(-1)).toEqual({ type: 'error', code: 'kicked', error: 'ended through the API' });
  stream.close();
  await other.closed();
  expect(other.messages.at(-1)).toEqual({ type: 'error', code: 'ended', error: "the stream on path 'cam' has ended" });
  expect(box.server.list()).toEqual([]);
});

test('a client that says anything is let go', async () => {
  const box = await openLiveHarness();
  feed(box.add('cam', new Stream([tinyH264])), 1);
  const viewer = await box.watch('cam/mse');
  await viewer.until(() => viewer.binaries.length === 2);
  viewer.send('hello');
  await viewer.closed();
  expect([viewer.closeCode, box.server.list()]).toEqual([1003, []]);
});

test('a viewer without a pong for 25 s is disconnected', async () => {
  const box = await openLiveHarness();
  const stream = box.add('cam', new Stream([tinyH264]));
  feed(stream, 1);
  const [silent, viewer] = [await box.raw('cam/mse', WEBSOCKET_FIELDS), await box.watch('cam/mse')];
  await silent.head();
  await viewer.until(() => viewer.binaries.length === 2);
  for (let i = 0; i < 12; i += 1) {
    await box.clock.advance(5_000);
    // The pong passes through two sockets of this process.
    await turns();
  }
  await silent.closed();
  expect(box.server.list().length).toBe(1);
  expect(stream.audience).toBe(1);
  // A ping is two bytes.
  expect(silent.received.includes(Buffer.of(0x89, 0))).toBe(true);
});

test('a viewer that does not read loses whole GOPs, learns where the stream continues, and affects no other', async () => {
  const box = await openLiveHarness();
  const stream = box.add('cam', new Stream([tinyH264]));
  feed(stream, 1);
  const [slow, viewer] = [await box.raw('cam/mse', WEBSOCKET_FIELDS), await box.watch('cam/mse')];
  await slow.head();
  slow.socket.pause();
  let pictures = 1;
  const { server } = box;
  const discarded = () => server.list().map(({ outboundFramesDiscarded }) => outboundFramesDiscarded);
  while (discarded()[0] === 0) {
    feed(stream, 5, pictures, 100_000);
    pictures += 5;
    await viewer.until(() => viewer.binaries.length === pictures + 1);
  }
  expect(discarded()[1]).toBe(0);
  slow.socket.resume();
  const before = slow.received.length;
  while (!slow.received.includes('"skip"')) {
    feed(stream, 5, pictures);
    pictures += 5;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(slow.received.length).toBeGreaterThan(before);
  const { toS } = JSON.parse(/\{"type":"skip".*?\}/.exec(slow.received.toString('latin1'))?.[0] ?? '');
  // Groups are of five pictures behind the first one.
  expect(Math.round((toS - 10) * 25 - 1) % 5).toBe(0);
  await viewer.until(() => viewer.binaries.length === pictures + 1);
});

test('a first GOP beyond the queue limit is sent completely', async () => {
  const box = await openLiveHarness();
  feed(box.add('cam', new Stream([tinyH264])), 30, 0, QUEUE_BYTES / 20);
  const viewer = await box.watch('cam/mse');
  await viewer.until(() => viewer.binaries.length === 31);
  expect(typesOf(viewer.messages)).not.toContain('skip');
});

test('a viewer that never reads is disconnected', async () => {
  const box = await openLiveHarness();
  const stream = box.add('cam', new Stream([tinyH264]));
  feed(stream, 1);
  const stuck = await box.raw('cam/mse', WEBSOCKET_FIELDS);
  await stuck.head();
  stuck.socket.pause();
  for (let i = 0; box.server.list()[0]?.outboundFramesDiscarded === 0; i += 1) {
    feed(stream, 5, 1 + 5 * i, QUEUE_BYTES / 20);
    await new Promise(setImmediate);
  }
  await box.clock.advance(HOPELESS_MS);
  feed(stream, 5, 100_000);
  expect(box.server.list()).toEqual([]);
  expect(stream.audience).toBe(0);
  await box.clock.advance(10_000);
  stuck.socket.resume();
  await stuck.closed();
});

test('a viewer that disconnects before the stream starts leaves no reader', async () => {
  const box = await openLiveHarness();
  const stream = new Stream([tinyH264]);
  let come: (stream: Stream) => void = () => {};
  const coming = new Promise<Stream>((resolve) => {
    come = resolve;
  });
  box.add('late', coming);
  const viewer = await box.watch('late/mse');
  viewer.close();
  await viewer.closed();
  come(stream);
  await turns();
  expect([box.server.list(), stream.readers.length]).toEqual([[], 0]);
});

test('the server closes with its viewers still there', async () => {
  const box = await openLiveHarness();
  feed(box.add('cam', new Stream([tinyH264])), 1);
  const viewer = await box.raw('cam/mse', WEBSOCKET_FIELDS);
  await viewer.head();
  await box.app.close();
  await viewer.closed();
});

test('any bytes of a client end its own connection only', async () => {
  const box = await openLiveHarness();
  const stream = box.add('cam', new Stream([tinyH264]));
  feed(stream, 1);
  const viewer = await box.watch('cam/mse');
  const next = random(31);
  const seeds = [
    Buffer.of(0x89, 0x80, 1, 2, 3, 4),
    Buffer.of(0x8a, 0x80, 1, 2, 3, 4),
    Buffer.from(maskedBinary(Buffer.from('hello'), MASK)),
    Buffer.of(0x88, 0x82, 0, 0, 0, 0, 3, 0xe8),
  ];
  for (let i = 0; i < 60; i += 1) {
    const hostile = await box.raw('cam/mse', WEBSOCKET_FIELDS);
    await hostile.head();
    hostile.socket.write(mutate(seeds[i % seeds.length] as Buffer, next));
    hostile.socket.end();
    await hostile.closed();
  }
  feed(stream, 2, 1);
  await viewer.until(() => viewer.binaries.length === 4);
  expect(box.server.list().length).toBe(1);
});

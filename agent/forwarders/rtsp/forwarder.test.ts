import { getEventListeners } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { RtspHarness, type RtspHarnessOptions } from '../../../test/support/harness/servers/rtsp-harness.ts';
import { tinyH264, tinyVideo } from '../../../test/support/media/tiny-h264.ts';
import { silentLogger } from '../../base/log.ts';
import type { Config } from '../../config/load/load.ts';
import { type InternalUser, MEDIAMTX_USERS } from '../../config/schema/common/general.ts';
import { AUTH_TAG_BYTES } from '../../media/rtp/header.ts';
import type { Track } from '../../media/sample/track.ts';
import { InterleavedPackets, type InterleavedViewer } from '../../stream/interleaved-packets.ts';
import { Stream } from '../../stream/stream.ts';
import { RtspForwarder } from './forwarder.ts';

const ALAW: Track = { kind: 'audio', codec: 'g711', law: 'a', clockRate: 8000, channels: 1 };

/** A stream of 25 pictures a second with a key frame every ten, and audio. */
class Camera {
  readonly stream: Stream;
  readonly pictures = tinyVideo(2_000, 25, 10);
  #sounds = 0;

  constructor(tracks: readonly Track[]) {
    this.stream = new Stream(tracks);
  }

  film(count = 1): void {
    for (const sample of this.pictures.splice(0, count)) {
      this.stream.write(0, sample);
    }
  }

  hear(): void {
    const pts = 160 * this.#sounds;
    this.#sounds += 1;
    this.stream.write(1, { pts, dts: pts, wall: 1, key: true, data: new Uint8Array(160) });
  }
}

const SETTINGS = {
  readTimeoutMs: 10_000,
  writeTimeoutMs: 10_000,
  writeQueueSize: 512,
  udpMaxPayloadSize: 1_472,
  rtspEncryption: 'optional',
};

async function open(options: RtspHarnessOptions = {}, tracks: readonly Track[] = [tinyH264, ALAW]) {
  const server = await RtspHarness.open(options);
  server.paths.waiting.add('out');
  const camera = new Camera(tracks);
  const stop = new AbortController();
  const forward = (dest: string) => {
    const forwarder = new RtspForwarder({
      name: 'cam',
      destination: { dest, destFingerprint: '', whipBearerToken: '' },
      config: SETTINGS as Config,
      sound: { whyNot: () => 'no sound', of: (stream) => stream },
      clock: server.clock,
      log: silentLogger,
    });
    const began = Promise.withResolvers<void>();
    const ended = forwarder.run(camera.stream, began.resolve, stop.signal);
    return { forwarder, began: () => Promise.race([began.promise, ended]), ended };
  };
  onTestFinished(async () => {
    stop.abort();
    await server[Symbol.asyncDispose]();
  });
  return { server, camera, forward, stop };
}

/** The pictures that the server's path receives, from its next key frame on. */
function received(server: RtspHarness): Uint8Array[] {
  const pictures: Uint8Array[] = [];
  server.paths.streams.get('out')?.addReader(
    {
      id: 'test',
      onSample: (track, { data }) => track === 0 && pictures.push(data.slice()),
      onTrack: () => {},
      onEnd: () => {},
    },
    false,
  );
  return pictures;
}

test('the current group of pictures and each sample after it are published with the tracks of the stream', async () => {
  const { server, camera, forward, stop } = await open();
  camera.film(3);
  const { forwarder, began, ended } = forward(server.url('out'));
  await began();
  // The server opens its path's stream after the burst of the first group.
  const tracks = async () => {
    camera.film();
    camera.hear();
    await server.clock.advance(100);
    return server.paths.streams.get('out')?.tracks;
  };
  await expect.poll(tracks).toMatchObject([{ codec: 'h264' }, { codec: 'g711' }]);
  const pictures = received(server);
  const sent = camera.pictures.slice(0, 20);
  camera.film(21);
  await expect.poll(() => pictures.length).toBeGreaterThanOrEqual(20);
  expect(pictures).toEqual(expect.arrayContaining(sent.map(({ data }) => data)));
  expect(forwarder.outboundBytes).toBeGreaterThan(1_000);
  expect(camera.stream.audience).toBe(0);
  stop.abort();
  await ended;
  expect(server.paths.publishers.size).toBe(0);
  expect(camera.stream.readers.length).toBe(0);
});

test('packets have room for the tag of SRTP, because its readers share them', async () => {
  const { server, camera, forward } = await open();
  await forward(server.url('out')).began();
  const firstSizes: number[] = [];
  const packets = InterleavedPackets.of(camera.stream, 1_460, server.clock);
  const viewer: InterleavedViewer = {
    onChunk: (chunk) => {
      firstSizes.push(chunk.readUInt16BE(2));
      return false;
    },
    onReport: () => {},
    onEnd: () => {},
  };
  packets.join(viewer);
  packets.flow(viewer);
  camera.film();
  const data = new Uint8Array(4 + 3_000).fill(0x41);
  new DataView(data.buffer).setUint32(0, 3_000);
  camera.stream.write(0, { pts: 3_600, dts: 3_600, wall: 40, key: false, data });
  expect(firstSizes.at(-1)).toBe(1_472 - AUTH_TAG_BYTES);
});

const USERS: InternalUser[] = [
  { user: 'pia', pass: 'secret', ips: [], permissions: [{ action: 'publish', path: '' }] },
];

test.for(['basic', 'digest'] as const)('the login of the URL is used: %s', async (method) => {
  const { server, forward } = await open({ users: USERS, rtspAuthMethods: [method] });
  const { began } = forward(server.url('out').replace('//', '//pia:secret@'));
  await began();
  expect(server.paths.publishers.has('out')).toBe(true);
});

test('a destination without a login that needs one, and one with another path, say why', async () => {
  const { server, forward } = await open({ users: [...USERS, ...MEDIAMTX_USERS.slice(1)] });
  await expect(forward(server.url('out')).ended).rejects.toThrow(
    "destination requires a password (401): set user and password of path 'cam'",
  );
  const { ended } = forward(server.url('other').replace('//', '//pia:secret@'));
  await expect(ended).rejects.toMatchObject({ context: { path: 'cam' } });
});

test('nothing listens there', async () => {
  const { forward } = await open();
  await expect(forward('rtsp://127.0.0.1:9/out').ended).rejects.toThrow('connection refused by 127.0.0.1:9');
});

test('a connection that the destination closes ends the run with the reason', async () => {
  const { server, forward, stop } = await open();
  const { began, ended } = forward(server.url('out'));
  await began();
  const failed = expect(ended).rejects.toThrow("destination closed the connection of path 'cam'");
  server.paths.publishers.get('out')?.onReplaced('another publisher', 'publisher');
  await failed;
  // The signal is that of the stream, which outlives many connections.
  expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
});

test('the end of the stream leaves the connection to the path, which ends forwards last', async () => {
  const { server, camera, forward, stop } = await open();
  const { began, ended } = forward(server.url('out'));
  await began();
  camera.stream.close();
  expect(server.paths.publishers.has('out')).toBe(true);
  stop.abort();
  await ended;
  expect(server.paths.publishers.has('out')).toBe(false);
});

test('a track that RTP cannot carry is left out', async () => {
  const flac: Track = { kind: 'audio', codec: 'flac', clockRate: 48_000, channels: 2, frameSamples: 4_608 };
  const { server, camera, forward } = await open({}, [tinyH264, flac]);
  camera.film(3);
  await forward(server.url('out')).began();
  await expect
    .poll(async () => {
      await server.clock.advance(100);
      camera.film();
      return server.paths.streams.get('out')?.tracks.map(({ codec }) => codec);
    })
    .toEqual(['h264']);
});

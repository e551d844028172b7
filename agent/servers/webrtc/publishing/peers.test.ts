// @also without-ffi in long

import { afterEach, expect, test } from 'vitest';
import {
  MediaStreamTrack,
  RTCPeerConnection,
  type RTCRtpCodecParameters,
  RtpHeader,
  RtpPacket,
  useH264,
  useOPUS,
  usePCMA,
  useVP8,
} from 'werift';
import { MediaRelay } from '../../../../test/impair/media-relay.ts';
import type { PacketImpairment } from '../../../../test/impair/packet-link.ts';
import { WEBRTC_OPTIONS } from '../../../../test/support/clients/webrtc/webrtc-options.ts';
import { webrtcPaths } from '../../../../test/support/clients/webrtc/webrtc-paths.ts';
import { vp8Frame } from '../../../../test/support/clients/webrtc/webrtc-peer.ts';
import { idrPicture, skipPicture, tinyH264 } from '../../../../test/support/media/tiny-h264.ts';
import { payloadsOf } from '../../../../test/support/media/units.ts';
import { type Clock, systemClock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { silentLogger } from '../../../base/log.ts';
import { codecOf } from '../../../media/codecs.ts';
import type { Track } from '../../../media/sample/track.ts';
import type { BackChannel } from '../../../stream/contracts.ts';
import { type Reader, Stream } from '../../../stream/stream.ts';
import { type AnsweredOffer, WebRtcServer } from '../server/server.ts';
import type { WebRtcPaths } from '../session/contracts.ts';

// Another implementation's peer connection publishes, talks and hears itself through real sockets.

const WHO = { path: 'door', query: '', remoteAddr: '192.0.2.1:5', userAgent: 'test', user: 'me' };
const MAX_PAYLOAD_BYTES = 1_100;
/** Limit of frames in flight. */
const ON_THE_WAY = 15;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) {
    await cleanup();
  }
});

async function startServer(paths: Partial<WebRtcPaths>, clock = systemClock): Promise<WebRtcServer> {
  const noStream = () => Promise.reject(new PerchError('notFound', 'no stream'));
  const server = new WebRtcServer(WEBRTC_OPTIONS, webrtcPaths(noStream, paths), clock, silentLogger);
  await server.listen();
  cleanups.push(() => server.close());
  return server;
}

interface Published {
  tracks: readonly Track[];
  readonly samples: { readonly track: number; readonly key: boolean; readonly data: Buffer }[];
  ended: boolean;
}

/** A path that keeps all published samples. */
function publisherPath(): { paths: Partial<WebRtcPaths>; published: Published } {
  const published: Published = { tracks: [], samples: [], ended: false };
  const reader: Reader = {
    id: 'test',
    onSample: (track, { key, data }) => published.samples.push({ track, key, data: Buffer.from(data) }),
    onTrack: () => {},
    onEnd: () => {},
  };
  const publication = {
    publish: (tracks: readonly Track[]) => {
      published.tracks = tracks;
      const stream = new Stream(tracks);
      stream.addReader(reader, false);
      return stream;
    },
    close: () => {
      published.ended = true;
    },
  };
  return { paths: { mayPublish: () => {}, publish: () => publication }, published };
}

/** Sends the payloads of units on one track. */
class Feeder {
  readonly track: MediaStreamTrack;
  #sequence: number;

  constructor(kind: 'video' | 'audio', firstSequence: number) {
    this.track = new MediaStreamTrack({ kind });
    this.#sequence = firstSequence;
  }

  send(timestamp: number, payload: Uint8Array, marker: boolean): void {
    const header = new RtpHeader({
      version: 2,
      payloadType: 96,
      sequenceNumber: this.#sequence,
      timestamp: timestamp >>> 0,
      ssrc: 1,
      marker,
    });
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.track.writeRtp(new RtpPacket(header, Buffer.from(payload)));
  }

  sendUnit(track: Track, timestamp: number, data: Uint8Array, key: boolean): void {
    const packetize = codecOf(track).packetize;
    const payloads = payloadsOf((sink) => {
      if (key && track.kind === 'video') {
        codecOf(track).packetizeParameters?.(track, MAX_PAYLOAD_BYTES, sink);
      }
      packetize?.(data, MAX_PAYLOAD_BYTES, true, sink);
    });
    for (const { bytes, marker } of payloads) {
      this.send(timestamp, bytes, marker);
    }
  }
}

interface ConnectOptions {
  readonly codecs: { readonly video: RTCRtpCodecParameters[]; readonly audio: RTCRtpCodecParameters[] };
  readonly feeders: readonly Feeder[];
  readonly direction?: 'sendonly' | 'sendrecv';
  /** Behaviour of the network in between. */
  readonly impairment?: PacketImpairment;
  readonly answer: (server: WebRtcServer, offer: string) => Promise<AnsweredOffer>;
}

async function connect(server: WebRtcServer, options: ConnectOptions) {
  const pc = new RTCPeerConnection({ iceServers: [], iceUseIpv6: false, codecs: options.codecs });
  cleanups.push(() => pc.close());
  for (const { track } of options.feeders) {
    pc.addTransceiver(track, { direction: options.direction ?? 'sendonly' });
  }
  await pc.setLocalDescription(await pc.createOffer());
  const answered = await options.answer(server, pc.localDescription?.sdp ?? '');
  let { answer } = answered;
  if (options.impairment) {
    const relay = await MediaRelay.start(server.udpPort, options.impairment);
    cleanups.push(() => relay[Symbol.asyncDispose]());
    answer = answer.replaceAll(` 127.0.0.1 ${server.udpPort} `, ` 127.0.0.1 ${relay.port} `);
  }
  await pc.setRemoteDescription({ type: 'answer', sdp: answer });
  await expect.poll(() => pc.connectionState).toBe('connected');
  await expect.poll(() => server.get(answered.id)?.peerConnectionEstablished).toBe(true);
  return { ...answered, answer, pc };
}

const publish = (server: WebRtcServer, offer: string): Promise<AnsweredOffer> => server.publish(WHO, offer);
const h264 = useH264({ parameters: 'level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f' });
const vp8: Track = { kind: 'video', codec: 'vp8', clockRate: 90_000, width: 320, height: 240, fps: undefined };
/** Keeps the socket's buffer from overflowing, so that retransmissions arrive. */
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test('a published H.264 and Opus stream has its tracks and every sample, bit for bit', async () => {
  const { paths, published } = publisherPath();
  const server = await startServer(paths);
  const [video, audio] = [new Feeder('video', 65_500), new Feeder('audio', 3)];
  const codecs = { video: [h264], audio: [useOPUS()] };
  const session = await connect(server, { codecs, feeders: [video, audio], answer: publish });
  expect(session.answer.match(/a=recvonly/g)).toHaveLength(2);
  const pictures = Array.from({ length: 60 }, (_, i) => (i % 15 === 0 ? idrPicture(i, i & 1) : skipPicture(i % 15)));
  const sounds = pictures.map((_, i) => Uint8Array.of(0xf8, i, 1, 2, 3));
  for (const [i, picture] of pictures.entries()) {
    video.sendUnit(tinyH264, 2 ** 32 - 90_000 + i * 6_000, picture, i % 15 === 0);
    audio.send(i * 960, sounds[i] as Uint8Array, false);
    await pause(1);
  }
  await expect.poll(() => published.samples.length).toBe(120);
  expect(published.tracks).toMatchObject([
    { codec: 'h264', width: 64, height: 48 },
    { codec: 'opus', channels: 2 },
  ]);
  const of = (track: number) => published.samples.filter((sample) => sample.track === track).map(({ data }) => data);
  expect(of(0)).toEqual(pictures.map((data) => Buffer.from(data)));
  expect(of(1)).toEqual(sounds.map((data) => Buffer.from(data)));
  expect(server.get(session.id)).toMatchObject({ state: 'publish', inboundRTPPacketsLost: 0 });
  await expect.poll(() => server.get(session.id)?.inboundRTCPPackets).toBeGreaterThan(0);
  server.end(session.secret);
  expect(published.ended).toBe(true);
});

/** A third of real time: more requests for a lost packet fit into its half second, and a halt of the box does not use it up. */
const slowClock: Clock = { ...systemClock, monoMs: () => systemClock.monoMs() / 3 };

test('a VP8 stream over a network that loses 5 % and reorders the rest loses no frame', async () => {
  const { paths, published } = publisherPath();
  const server = await startServer(paths, slowClock);
  const video = new Feeder('video', 65_000);
  const impairment = { seed: 5, sparedPackets: 40, loss: 0.05, jitterMs: 20, duplicates: 0.02 };
  const codecs = { video: [useVP8()], audio: [] };
  const session = await connect(server, { codecs, feeders: [video], impairment, answer: publish });
  const frames = Array.from({ length: 200 }, (_, i) => vp8Frame(i & 0xff, i === 0, 3_000 + ((i * 977) % 3_000)));
  let nacks = 0;
  session.pc.getSenders()[0]?.onGenericNack.subscribe(() => {
    nacks += 1;
  });
  for (const [i, frame] of frames.entries()) {
    // No more in flight than sockets hold: a packet lost there on a busy box may be too old to be retransmitted.
    await expect.poll(() => published.samples.length).toBeGreaterThanOrEqual(i - ON_THE_WAY);
    video.sendUnit(vp8, i * 450, frame, i === 0);
    await pause(5);
  }
  // Further frames reveal a loss of the last ones.
  for (let i = 200; i < 206; i += 1) {
    video.sendUnit(vp8, i * 450, vp8Frame(i & 0xff, false, 50), false);
    await pause(5);
  }
  await expect.poll(() => published.samples.length).toBeGreaterThanOrEqual(200);
  expect(published.samples.slice(0, 200).map(({ data }) => data)).toEqual(frames.map((frame) => Buffer.from(frame)));
  expect(server.get(session.id)?.inboundRTPPacketsLost).toBe(0);
  expect(nacks).toBeGreaterThan(10);
});

test('a path that is not configured is rejected before a session exists', async () => {
  const server = await startServer({});
  const codecs = { video: [useVP8()], audio: [] };
  const attempt = connect(server, { codecs, feeders: [new Feeder('video', 1)], answer: publish });
  await expect(attempt).rejects.toThrow("path 'door' is not configured");
  expect(server.list()).toEqual([]);
});

interface Heard {
  readonly said: { readonly ticks: number; readonly data: Buffer }[];
  closed: number;
  end: (reason: string) => void;
}

/** A camera that remembers what it hears. */
function camera(codec: 'PCMA' | 'PCMU', clockRate = 8_000): { paths: Partial<WebRtcPaths>; heard: Heard } {
  const heard: Heard = { said: [], closed: 0, end: () => {} };
  const channel: BackChannel = {
    codec,
    clockRate,
    channels: 1,
    send: (data, ticks) => heard.said.push({ ticks, data: Buffer.from(data) }),
    close: () => {
      heard.closed += 1;
    },
  };
  const talk = async (_path: string, onEnded: (reason: string) => void): Promise<BackChannel> => {
    heard.end = onEnded;
    return channel;
  };
  return { paths: { talk }, heard };
}
const speak = (server: WebRtcServer, offer: string): Promise<AnsweredOffer> => server.talk(WHO, offer);

test('a talker’s audio reaches the camera unchanged, in order and in time, also over a bad network', async () => {
  const { paths, heard } = camera('PCMA');
  const server = await startServer(paths);
  const voice = new Feeder('audio', 65_530);
  const impairment = { seed: 3, sparedPackets: 40, jitterMs: 30, duplicates: 0.05 };
  const codecs = { video: [], audio: [useOPUS(), usePCMA()] };
  const session = await connect(server, { codecs, feeders: [voice], impairment, answer: speak });
  expect(session.answer).toContain('a=rtpmap:8 PCMA/8000');
  const words = Array.from({ length: 80 }, (_, i) => new Uint8Array(160).fill(i));
  for (const [i, word] of words.entries()) {
    voice.send(2 ** 32 - 1_600 + i * 160, word, i === 0);
    await pause(10);
  }
  await expect.poll(() => heard.said.length).toBe(80);
  expect(heard.said.map(({ data }) => data)).toEqual(words.map((word) => Buffer.from(word)));
  const start = heard.said[0]?.ticks ?? 0;
  expect(heard.said.map(({ ticks }) => ticks - start)).toEqual(words.map((_, i) => i * 160));
  expect(server.get(session.id)).toMatchObject({ state: 'publish', inboundRTPPackets: 80 });
  heard.end('the camera is away');
  await expect.poll(() => server.list()).toEqual([]);
  expect(heard.closed).toBe(1);
});

test('a fault while receiving audio ends that session, not the process', async () => {
  const { paths, heard } = camera('PCMA');
  const server = await startServer(paths);
  const voice = new Feeder('audio', 1);
  const codecs = { video: [], audio: [usePCMA()] };
  await connect(server, { codecs, feeders: [voice], answer: speak });
  heard.said.push = () => {
    throw new TypeError('a bug');
  };
  voice.send(0, new Uint8Array(160), true);
  await expect.poll(() => server.list()).toEqual([]);
  expect(heard.closed).toBe(1);
});

test.for([
  ['a codec that the offer lacks', camera('PCMU'), 'the camera takes PCMU'],
  ['a rate that browsers do not have', camera('PCMA', 16_000), 'PCMA of 16000 Hz'],
] as const)('a camera that wants %s is let go at once', async ([, { paths, heard }, message]) => {
  const server = await startServer(paths);
  const codecs = { video: [], audio: [usePCMA()] };
  const attempt = connect(server, { codecs, feeders: [new Feeder('audio', 1)], answer: speak });
  await expect(attempt).rejects.toThrow(message);
  expect(heard.closed).toBe(1);
  expect(server.list()).toEqual([]);
});

test('an echo peer gets its own video and audio back', async () => {
  const server = await startServer({});
  const [video, audio] = [new Feeder('video', 9), new Feeder('audio', 3)];
  const pictures: Buffer[] = [];
  const sounds: Buffer[] = [];
  const answer = (_: WebRtcServer, offer: string) => server.echo(WHO, offer);
  const codecs = { video: [useVP8()], audio: [useOPUS()] };
  const session = await connect(server, { codecs, feeders: [video, audio], direction: 'sendrecv', answer });
  for (const transceiver of session.pc.getTransceivers()) {
    const into = transceiver.kind === 'video' ? pictures : sounds;
    transceiver.receiver.track.onReceiveRtp.subscribe(({ payload }) => into.push(Buffer.from(payload)));
  }
  for (let i = 0; i < 200 && (pictures.length < 20 || sounds.length < 20); i += 1) {
    video.sendUnit(vp8, i * 3_600, vp8Frame(i, i % 10 === 0, 500), i % 10 === 0);
    audio.send(i * 1_920, Uint8Array.of(0xf8, i, 7), false);
    await pause(10);
  }
  expect(sounds.every((payload) => payload[0] === 0xf8 && payload[2] === 7)).toBe(true);
  // After the payload descriptor; the first frame that arrives is a key frame.
  const numbers = pictures.map((payload) => payload[21] as number);
  expect((numbers[0] as number) % 10).toBe(0);
  expect(new Set(numbers).size).toBeGreaterThanOrEqual(20);
  server.end(session.secret);
  expect(server.list()).toEqual([]);
});

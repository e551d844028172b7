import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { RecordingLink, RtpSource, vp8Frame } from '../../../../test/support/clients/webrtc/webrtc-peer.ts';
import {
  connect,
  FRAME_MS,
  FRAME_TICKS,
  first,
  GATHER_MS,
  inboundOf,
  OPUS,
  PICTURE,
  pass,
  range,
  SOUND,
} from '../../../../test/support/clients/webrtc/webrtc-publisher.ts';
import { PerchError } from '../../../base/errors.ts';
import { silentLogger } from '../../../base/log.ts';
import { writeBye } from '../../../media/rtcp/write.ts';
import { PublisherSession } from './publisher-session.ts';

test('video and audio become a stream with every sample unchanged', async () => {
  const session = connect([PICTURE, SOUND]);
  const frames = range(0, 5).map((number) => vp8Frame(number, number === 0));
  for (const [number, frame] of frames.entries()) {
    for (const { bytes } of session.picture.frame(number * FRAME_TICKS, frame)) {
      session.media.onRtp(bytes);
    }
    session.media.onRtp(session.sound.packet(number * 960, Uint8Array.of(0xf8, number)));
    await session.clock.advance(FRAME_MS);
  }
  expect(session.opened).toHaveLength(1);
  expect(session.opened[0]?.tracks).toMatchObject([
    { codec: 'vp8', width: 320, height: 240 },
    { codec: 'opus', channels: 2 },
  ]);
  const of = (track: number) => session.opened[0]?.samples.filter((sample) => sample.track === track) ?? [];
  expect(of(0).map(({ data }) => data.equals(Buffer.from(frames[data[20] as number] as Uint8Array)))).toEqual(
    Array(5).fill(true),
  );
  expect(of(0).map(({ pts, key }) => [pts, key])).toEqual(frames.map((_, i) => [i * FRAME_TICKS, i === 0]));
  expect(of(1).map(({ data }) => [...data])).toEqual(frames.map((_, i) => [0xf8, i]));
  expect(session.media.statistics).toMatchObject({ inboundPackets: 20, inboundLost: 0 });
});

test('audio with six channels keeps its layout', () => {
  const fmtp = new Map([
    ['channel_mapping', '0,4,1,2,3,5'],
    ['num_streams', '4'],
    ['coupled_streams', '2'],
  ]);
  const session = connect([inboundOf('audio', { ...OPUS, encoding: 'MULTIOPUS', channels: 6, fmtp }, [])]);
  session.media.onRtp(session.sound.packet(0, Uint8Array.of(0xf8, 1)));
  expect(session.opened[0]?.tracks).toMatchObject([
    { codec: 'opus', channels: 6, layout: { streams: 4, coupledStreams: 2, mapping: [0, 4, 1, 2, 3, 5] } },
  ]);
});

test('a track that does not start in time is omitted', async () => {
  const session = connect([PICTURE, SOUND]);
  await session.video(0, 49, first);
  expect(session.opened).toHaveLength(0);
  await session.video(49, 52, first);
  expect(session.opened[0]?.tracks).toMatchObject([{ codec: 'vp8' }]);
  expect(session.opened[0]?.pictures).toEqual(range(0, 52));
});

test('audio that the path drops is ignored, and video does not wait for it', async () => {
  const session = connect([PICTURE, SOUND], true);
  session.media.onRtp(session.sound.packet(0, Uint8Array.of(0xf8, 1)));
  await session.video(0, 2, first);
  session.media.onRtp(session.sound.packet(960, Uint8Array.of(0xf8, 1)));
  expect(session.opened.map(({ tracks }) => tracks.map(({ codec }) => codec))).toEqual([['vp8']]);
  expect(session.opened[0]?.samples.map(({ track }) => track)).toEqual([0, 0]);
});

test('a publisher of audio only, which the path drops, gets the reason at once', () => {
  expect(() => connect([SOUND], true)).toThrow('only audio, which the path drops (audio: no)');
});

test('late video reopens the stream within the same session', async () => {
  const session = connect([PICTURE, SOUND]);
  const packet = (i: number) => session.sound.packet(i * 960, Uint8Array.of(0xf8, i));
  for (let i = 0; i < 120; i += 1) {
    session.media.onRtp(packet(i));
    await session.clock.advance(20);
  }
  expect(session.opened[0]?.tracks).toMatchObject([{ codec: 'opus' }]);
  for (let i = 120; i < 240; i += 1) {
    session.media.onRtp(packet(i));
    await session.video(i, i + 1, (number) => number === 120);
    session.media.tick();
  }
  expect(session.link.closedWhy).toBeUndefined();
  expect(session.opened.map(({ tracks }) => tracks.map(({ codec }) => codec))).toEqual([['opus'], ['vp8', 'opus']]);
  expect(session.opened[1]?.pictures).toEqual(range(120, 240));
});

test('without any track the session ends after its timeout', async () => {
  const session = connect([PICTURE, SOUND]);
  await session.clock.advance(GATHER_MS - 1);
  expect(session.link.closedWhy).toBeUndefined();
  await session.clock.advance(1);
  expect(session.link.closedWhy).toBe('deadline exceeded while waiting tracks');
});

test('another publisher, or the end of the path, ends the session with the reason', () => {
  const session = connect([PICTURE]);
  expect(session.publisher).toMatchObject({ kind: { apiType: 'webRTCSession' }, id: 'session-1' });
  session.publisher?.onReplaced("another publisher has taken path 'door'", 'publisher');
  expect(session.link.closedWhy).toBe("another publisher has taken path 'door'");
  expect(session.link.end).toBe('final');
  const other = connect([PICTURE]);
  other.publisher?.onReplaced("path 'door' was removed or changed", 'configuration');
  expect(other.link.end).toBe('forNow');
});

test('a path that cannot be published to ends the session with the reason', () => {
  const reason = new PerchError('badInput', "can't publish to path 'door' since 'source' is not 'publisher'");
  const paths = {
    publish: () => {
      throw reason;
    },
  };
  const options = { inbound: [PICTURE], path: 'door', gatherTimeoutMs: GATHER_MS };
  const media = new PublisherSession('session-1', options, paths, new FakeClock(), silentLogger);
  expect(() => media.start(new RecordingLink())).toThrow(reason);
});

test('the end of the session ends the publication and all timers', async () => {
  const session = connect([PICTURE]);
  await session.video(0, 2, first, (packets) => [packets[0], packets[2]].filter((packet) => packet !== undefined));
  session.media.close();
  expect(session.closed).toBe(1);
  session.link.reports.length = 0;
  session.media.onRtp(session.picture.packet(9, Buffer.alloc(3)));
  await session.clock.advance(5_000);
  expect(session.link.reports).toEqual([]);
});

test('packets of unknown types, of other senders, damaged and junk go nowhere and cost nothing', async () => {
  const session = connect([PICTURE]);
  await session.video(0, 3, first);
  const before = session.media.statistics;
  session.link.reports.length = 0;
  for (let i = 0; i < 100; i += 1) {
    session.media.onRtp(new RtpSource(100, 30).packet(i, Buffer.alloc(9)));
    const damaged = session.picture.packet(9, Buffer.alloc(900));
    damaged[40] = (damaged[40] as number) ^ 1;
    session.media.onRtp(damaged);
    // A second simulcast layer, and retransmissions of packets that are not missing.
    session.media.onRtp(new RtpSource(96, 40 + (i % 4), 100 + i).packet(9, Buffer.alloc(9)));
    session.media.onRtp(session.repairs.repair(5_000 + i, 9, Buffer.alloc(9), true));
    session.media.onRtp(session.repairs.packet(9, Buffer.alloc(0)));
    session.media.onRtp(Buffer.alloc(i, 0x80));
    session.media.onRtcp(Buffer.alloc(i, 0x80));
  }
  expect(session.media.statistics).toEqual(before);
  expect(session.link.reports).toEqual([]);
});

test('a publisher that falls silent is removed after half a minute', async () => {
  const session = connect([PICTURE]);
  await session.video(0, 3, first);
  await pass(session, 29);
  expect(session.link.closedWhy).toBeUndefined();
  await pass(session, 2);
  expect(session.link.closedWhy).toBe('publisher has sent no media for 30 s');
});

test('a publisher is removed five seconds after its BYE, unless it continues', async () => {
  const session = connect([PICTURE]);
  await session.video(0, 3, first);
  session.media.onRtcp(Buffer.from(writeBye(11)));
  await pass(session, 4);
  await session.video(3, 4, first);
  await pass(session, 10);
  expect(session.link.closedWhy).toBeUndefined();
  session.media.onRtcp(Buffer.from(writeBye(11)));
  await pass(session, 1);
  expect(session.link.closedWhy).toBe('publisher has left (RTCP BYE)');
});

test('a track that never arrived needs no BYE', async () => {
  const session = connect([PICTURE, SOUND]);
  await session.video(0, 3, first);
  await pass(session, 2);
  expect(session.opened[0]?.tracks).toHaveLength(1);
  session.media.onRtcp(Buffer.from(writeBye(11)));
  await pass(session, 3);
  expect(session.link.closedWhy).toBe('publisher has left (RTCP BYE)');
});

test('a file that is sent faster than it plays ends the session', async () => {
  const session = connect([PICTURE]);
  for (let number = 0; number < 400 && session.link.closedWhy === undefined; number += 1) {
    for (const { bytes } of session.picture.frame(number * FRAME_TICKS, vp8Frame(number, number % 20 === 0, 100))) {
      session.media.onRtp(bytes);
    }
    await session.clock.advance(4);
  }
  expect(session.link.closedWhy).toBe(
    'publisher sends faster than real time, which cannot be slowed down (ffmpeg: -re)',
  );
});

test('a sender that restarts with another SSRC is followed once the former is silent', async () => {
  const session = connect([PICTURE]);
  await session.video(0, 5, first);
  await session.clock.advance(1_500);
  const restarted = new RtpSource(96, 99, 7);
  for (const number of range(50, 53)) {
    for (const { bytes } of restarted.frame(number * FRAME_TICKS + 77, vp8Frame(number, number === 50))) {
      session.media.onRtp(bytes);
    }
    await session.clock.advance(FRAME_MS);
  }
  expect(session.opened[0]?.pictures).toEqual([0, 1, 2, 3, 4, 50, 51, 52]);
  const times = session.opened[0]?.samples.map(({ pts }) => pts) ?? [];
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  expect(session.link.takeNacked()).toEqual([]);
});

// @also without-ffi in long

import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { NotedNetwork } from '../../../../test/support/clients/webrtc/webrtc-network.ts';
import { H264_TRACK } from '../../../../test/support/media/tracks.ts';
import type { Track } from '../../../media/sample/track.ts';
import { Stream } from '../../../stream/stream.ts';
import { PacketSender } from './packet-sender.ts';

const AUDIO: Track = { kind: 'audio', codec: 'g711', law: 'mu', clockRate: 8_000, channels: 1 };

function open(tracks: readonly Track[], shown = tracks.findIndex((track) => track.kind === 'video')) {
  const stream = new Stream(tracks);
  const requests = { keyFrames: 0, reordered: 0 };
  stream.onKeyFrameWanted = () => {
    requests.keyFrames += 1;
  };
  const network = new NotedNetwork();
  const clock = new FakeClock();
  const outbound = tracks.map((_, i) => ({
    ssrc: i + 1,
    payloadType: 96,
    timestampOffset: 0,
    packetIndex: 100,
    packets: 0,
    octets: 0,
  }));
  const sender = new PacketSender({
    link: network,
    stream,
    tracks: outbound,
    videoTrack: shown,
    cname: 'test',
    clock,
    onReordered: () => {
      requests.reordered += 1;
    },
  });
  const picture = (key: boolean, delayTicks = 0): void => {
    const data = Uint8Array.of(0, 0, 0, 2, key ? 0x65 : 0x41, 0);
    stream.write(0, { pts: delayTicks, dts: 0, wall: 0, key, data });
  };
  const sound = (): void => {
    stream.write(tracks.length - 1, { pts: 0, dts: 0, wall: 0, key: true, data: new Uint8Array(160) });
  };
  return { network, clock, sender, picture, sound, requests };
}

test('nothing is sent before a key frame; audio starts with it, and the very first packet is sent twice', () => {
  const { network, picture, sound } = open([H264_TRACK, AUDIO]);
  sound();
  picture(false);
  expect(network.sent).toEqual([]);
  picture(true);
  sound();
  picture(false);
  expect(network.sent).toEqual(['1:100', '1:101', '1:100', '2:100', '1:102']);
});

test('audio without video starts at once', () => {
  const { network, sound } = open([AUDIO]);
  sound();
  expect(network.sent).toEqual(['1:100', '1:100']);
});

test('a short congestion delays video and drops only audio', async () => {
  const { network, clock, sender, picture, sound } = open([H264_TRACK, AUDIO]);
  picture(true);
  await clock.advance(1_000);
  network.isCongested = true;
  picture(false);
  sound();
  await clock.advance(150);
  picture(false);
  network.isCongested = false;
  network.packets.length = 0;
  await clock.advance(1);
  sound();
  expect(network.sent).toEqual(['1:102', '1:103', '2:100']);
  expect(sender.framesDiscarded).toBe(0);
});

test('a long congestion drops whole GOPs: video continues at the next key frame without a gap in numbers', async () => {
  const { network, clock, sender, picture, sound } = open([H264_TRACK, AUDIO]);
  picture(true);
  network.isCongested = true;
  picture(false);
  sound();
  await clock.advance(250);
  network.isCongested = false;
  network.packets.length = 0;
  picture(false);
  sound();
  picture(true);
  picture(false);
  expect(network.sent).toEqual(['2:100', '1:102', '1:103', '1:104']);
  expect(sender).toMatchObject({ framesDiscarded: 2, packets: 6 });
});

test('audio does not wait forever for video', async () => {
  const { network, clock, sound, picture } = open([H264_TRACK, AUDIO]);
  await clock.advance(999);
  sound();
  expect(network.sent).toEqual([]);
  await clock.advance(1);
  sound();
  picture(false);
  expect(network.sent).toEqual(['2:100', '2:100']);
});

test('an audio-only viewer does not care about B-frames', () => {
  const { network, picture, sound, requests } = open([H264_TRACK, AUDIO], -1);
  picture(true, 3_600);
  sound();
  expect(network.sent).toEqual(['2:100', '2:100']);
  expect(requests.reordered).toBe(0);
  const watching = open([H264_TRACK, AUDIO]);
  watching.picture(true, 3_600);
  expect(watching.requests.reordered).toBe(1);
});

test('after a dropped GOP one key frame is requested once the network recovers', async () => {
  const { network, clock, picture, requests } = open([H264_TRACK]);
  picture(true);
  network.isCongested = true;
  requests.keyFrames = 0;
  picture(false);
  await clock.advance(250);
  picture(false);
  expect(requests.keyFrames).toBe(0);
  network.isCongested = false;
  await clock.advance(1);
  picture(false);
  picture(false);
  expect(requests.keyFrames).toBe(1);
});

test('a key frame that arrived during congestion replaces the request', async () => {
  const { network, clock, picture, requests } = open([H264_TRACK]);
  picture(true);
  network.isCongested = true;
  requests.keyFrames = 0;
  picture(false);
  await clock.advance(250);
  picture(true);
  network.packets.length = 0;
  network.isCongested = false;
  await clock.advance(1);
  expect(network.sent).toEqual(['1:102', '1:103']);
  expect(requests.keyFrames).toBe(0);
});

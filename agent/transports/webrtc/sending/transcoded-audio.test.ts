// @also without-ffi in long

import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import {
  type Received,
  ScriptedCamera,
  ScriptedViewer,
} from '../../../../test/support/clients/webrtc/scripted-viewer.ts';
import { parseRtcp, type SenderInfo } from '../../../media/rtcp/parse.ts';
import type { Track } from '../../../media/sample/track.ts';
import { Stream } from '../../../stream/stream.ts';

const OPUS: Track = { kind: 'audio', codec: 'opus', clockRate: 48_000, channels: 1 };

/** A camera whose audio needs transcoding, and the transcoded stream. */
function setup(openFallback?: (small: Stream) => Promise<Stream>) {
  const clock = new FakeClock();
  const camera = new ScriptedCamera(clock, 5_000);
  const small = new ScriptedCamera(clock, 9_000);
  const sound = new Stream([OPUS]);
  const viewer = new ScriptedViewer(camera, {
    sound,
    openFallback: openFallback && (() => openFallback(small.stream)),
  });
  const ssrc = viewer.viewing.audio?.ssrc;
  const soundsIn = (received: readonly Received[]): Received[] => received.filter((packet) => packet.ssrc === ssrc);
  const turned = (): void => {
    const pts = 48 * clock.monoMs();
    sound.write(0, { pts, dts: pts, wall: clock.wallMs(), key: true, data: Uint8Array.of(0xfc, 1, 2) });
  };
  const play = async (pictures: number): Promise<Received[]> => {
    for (let i = 0; i < pictures; i += 1) {
      camera.picture(i % 25 === 0);
      small.picture(i % 25 === 0, 300);
      camera.sound();
      turned();
      await clock.advance(20);
      turned();
      await clock.advance(20);
    }
    return viewer.take();
  };
  return { clock, camera, sound, viewer, ssrc, soundsIn, turned, play };
}

test('transcoded audio replaces the stream’s own audio', async () => {
  const { viewer, soundsIn, play } = setup();
  viewer.start();
  const sounds = soundsIn(await play(25));
  expect(sounds).toHaveLength(50);
  expect(sounds.every(({ payload }) => payload.equals(Buffer.of(0xfc, 1, 2)))).toBe(true);
  const steps = sounds.slice(1).map(({ timestamp }, i) => (timestamp - (sounds[i]?.timestamp ?? 0)) >>> 0);
  expect(new Set(steps)).toEqual(new Set([960]));
});

test('transcoded audio waits for the first frame, so that both start together', async () => {
  const { clock, camera, viewer, soundsIn, turned } = setup();
  viewer.start();
  turned();
  await clock.advance(20);
  expect(viewer.take()).toEqual([]);
  camera.picture(true);
  turned();
  expect(soundsIn(viewer.take())).toHaveLength(1);
});

test('without video for a second, transcoded audio starts alone', async () => {
  const { clock, viewer, soundsIn, turned } = setup();
  viewer.start();
  for (let i = 0; i < 75; i += 1) {
    turned();
    await clock.advance(20);
  }
  expect(soundsIn(viewer.take())).toHaveLength(25);
});

test('reports synchronize audio and video with the first packets and each second', async () => {
  const { viewer, ssrc, play } = setup();
  viewer.start();
  await play(25);
  const ssrcsIn = (packet: Buffer): number[] => {
    const ssrcs: number[] = [];
    const onSenderReport = (info: SenderInfo): void => void ssrcs.push(info.ssrc);
    parseRtcp(packet, 0, packet.length, { onSenderReport, onBye: () => {} });
    return ssrcs;
  };
  const taken = () => viewer.link.reports.splice(0).map(ssrcsIn);
  expect(
    taken()
      .flat()
      .filter((one) => one === ssrc),
  ).toHaveLength(2);
  viewer.viewing.tick();
  // One packet with the reports of both.
  expect(taken()).toEqual([[viewer.viewing.video?.ssrc, ssrc]]);
});

test('bytes are counted, and with the viewer all reading ends', async () => {
  const { viewer, sound, camera, play } = setup();
  viewer.start();
  await play(10);
  expect(sound.readers).toHaveLength(1);
  expect(viewer.viewing.statistics.outboundPackets).toBeGreaterThan(30);
  expect(sound.bytesSent).toBeGreaterThan(0);
  viewer.viewing.close();
  expect([sound.readers, camera.stream.readers]).toEqual([[], []]);
});

test('on a slow network video is taken from the fallback, and audio continues', async () => {
  const { viewer, soundsIn, play } = setup((small) => Promise.resolve(small));
  viewer.start();
  let lost = 0;
  for (let second = 1; second < 20 && viewer.viewing.statistics.quality !== 'fallback'; second += 1) {
    await play(25);
    lost += second > 5 ? 100 : 0;
    viewer.report(lost, 200 * second, 20);
    viewer.viewing.tick();
    await Promise.resolve();
  }
  expect(viewer.viewing.statistics.quality).toBe('fallback');
  expect(soundsIn(await play(25))).toHaveLength(50);
});

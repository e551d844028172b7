// @also without-ffi in long

import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { random } from '../../../../test/support/base/random.ts';
import {
  type Received,
  ScriptedCamera,
  ScriptedViewer,
} from '../../../../test/support/clients/webrtc/scripted-viewer.ts';
import { PerchError } from '../../../base/errors.ts';
import { parseRtcp, type SenderInfo } from '../../../media/rtcp/parse.ts';
import type { Track } from '../../../media/sample/track.ts';
import { Stream } from '../../../stream/stream.ts';

const VP8: Track = { kind: 'video', codec: 'vp8', width: 320, height: 240, fps: 25, clockRate: 90_000 };
const NAL_TYPE = 0x1f;
/** NAL unit type of the first payload of a key frame: parameter sets in one packet. */
const STAP_A = 24;

const isKey = ({ payload }: Received): boolean => ((payload[0] ?? 0) & NAL_TYPE) === STAP_A;

/** Both streams of a camera, with unrelated clocks, and a viewer of the larger one. */
class Scene {
  readonly clock = new FakeClock();
  readonly main = new ScriptedCamera(this.clock, 7_000);
  readonly small = new ScriptedCamera(this.clock, 4_000_000_000);
  viewer: ScriptedViewer;
  number = 0;
  lost = 0;
  bytes = 9_000;
  smallBytes = 900;
  keyEvery = 25;
  smallKeyEvery = 25;

  constructor(openFallback?: (small: Stream, main: Stream) => Promise<Stream>, knowsRtx = true) {
    this.viewer = new ScriptedViewer(this.main, {
      knowsRtx,
      openFallback: openFallback && (() => openFallback(this.small.stream, this.main.stream)),
    });
  }

  /** Plays for some seconds; the viewer says at the end of each what share of the packets it has lost. */
  async play(seconds: number, loss: number): Promise<Received[]> {
    const received: Received[] = [];
    for (let s = 0; s < seconds; s += 1) {
      for (let i = 0; i < 25; i += 1) {
        this.main.picture(this.number % this.keyEvery === 0, this.bytes);
        this.small.picture(this.number % this.smallKeyEvery === 0, this.smallBytes);
        this.main.sound();
        this.number += 1;
        await this.clock.advance(40);
      }
      received.push(...this.viewer.take());
      this.lost += 200 * loss;
      this.viewer.report(this.lost, 200 * (this.number / 25), 20);
      this.viewer.viewing.tick();
    }
    return received;
  }

  get quality(): string | undefined {
    return this.viewer.viewing.statistics.quality;
  }

  videoOf(received: readonly Received[]): Received[] {
    return received.filter(({ ssrc }) => ssrc === this.viewer.video.ssrc);
  }
}

async function lowered(
  openFallback?: (small: Stream, main: Stream) => Promise<Stream>,
  smallKeyEvery = 25,
): Promise<Scene> {
  const scene = new Scene(openFallback);
  scene.smallKeyEvery = smallKeyEvery;
  scene.viewer.start();
  await scene.play(6, 0);
  expect(scene.quality).toBe('all');
  for (let s = 0; s < 5 && scene.quality === 'all'; s += 1) {
    await scene.play(1, 0.5);
  }
  return scene;
}

const open = (stream: Stream) => Promise.resolve(stream);

function expectOneSequence(video: readonly Received[]): void {
  const first = video[0]?.sequence ?? 0;
  expect(video.map(({ sequence }) => sequence)).toEqual(video.map((_, i) => (first + i) & 0xffff));
}

/** From one picture to the next, in milliseconds. */
function stepsMs(video: readonly Received[]): number[] {
  const times = video.filter(({ marker }) => marker).map(({ timestamp }) => timestamp);
  return times.slice(1).map((time, i) => ((time - (times[i] ?? 0)) | 0) / 90);
}

test('on a network that loses half, the viewer gets key frames and all audio', async () => {
  const scene = await lowered();
  expect(scene.quality).toBe('keyFrames');
  await scene.play(1, 0.5);
  const received = await scene.play(4, 0.5);
  const video = scene.videoOf(received);
  expect(video.filter(({ marker }) => marker)).toHaveLength(4);
  expect(video.filter(isKey)).toHaveLength(4);
  expect(stepsMs(video).map(Math.round)).toEqual([1_000, 1_000, 1_000]);
  expectOneSequence(video);
  expect(received.filter(({ ssrc }) => ssrc === scene.viewer.viewing.audio?.ssrc)).toHaveLength(100);
});

test('a single key frame is not sent as a burst', async () => {
  const scene = await lowered();
  await scene.play(1, 0.5);
  scene.viewer.take();
  scene.main.picture(true, 60_000);
  // The stream takes 1.8 Mbit/s, so that the half of it is 113 bytes a millisecond.
  await scene.clock.advance(100);
  const early = scene.viewer.takeVideo().length;
  expect(early).toBeGreaterThan(8);
  expect(early).toBeLessThan(18);
  await scene.clock.advance(500);
  expect(early + scene.viewer.takeVideo().length).toBe(Math.ceil(60_000 / 1_186) + 1);
});

test('key frames are paced by the current bitrate, not that of the change', async () => {
  const scene = new Scene();
  scene.bytes = 500;
  scene.viewer.start();
  await scene.play(6, 0);
  await scene.play(4, 0.5);
  expect(scene.quality).toBe('keyFrames');
  scene.bytes = 9_000;
  await scene.play(10, 0);
  scene.viewer.take();
  scene.main.picture(true, 60_000);
  await scene.clock.advance(700);
  expect(scene.viewer.takeVideo()).toHaveLength(Math.ceil(60_000 / 1_186) + 1);
});

test('when the network is good again the viewer gets everything from the next key frame on', async () => {
  const scene = await lowered();
  const received = await scene.play(45, 0);
  expect(scene.quality).toBe('all');
  const video = scene.videoOf(received);
  expectOneSequence(video);
  const pictures = video.filter(({ marker }) => marker).slice(-100);
  expect(stepsMs(pictures).every((step) => step === 40)).toBe(true);
});

test('with a fallback the viewer gets its video on the same SSRC, from a key frame on, and the stream’s own audio', async () => {
  const scene = await lowered(open);
  expect(scene.quality).toBe('fallback');
  const received = await scene.play(2, 0);
  const video = scene.videoOf(received);
  expect(isKey(video[0] as Received)).toBe(true);
  expect(video.filter(({ marker }) => marker).length).toBeGreaterThan(48);
  expect(video.every(({ payload }) => payload.length < 1_000)).toBe(true);
  expect(received.filter(({ ssrc }) => ssrc === scene.viewer.viewing.audio?.ssrc)).toHaveLength(50);
  expect(scene.small.stream.audience).toBe(1);
});

test('a fallback larger than half of the stream is sent completely and in time', async () => {
  const scene = await lowered(open, 50);
  expect(scene.quality).toBe('fallback');
  scene.smallBytes = 6_000;
  await scene.play(3, 0);
  const pictures = scene.videoOf(await scene.play(4, 0)).filter(({ marker }) => marker);
  expect(scene.quality).toBe('fallback');
  expect(pictures).toHaveLength(100);
  expect(Math.max(...stepsMs(pictures))).toBeLessThan(45);
});

test('numbers continue without a gap and time with the wall clock, there and back', async () => {
  const scene = new Scene(open);
  scene.viewer.start();
  const received = [...(await scene.play(8, 0)), ...(await scene.play(4, 0.5)), ...(await scene.play(45, 0))];
  expect(scene.quality).toBe('all');
  const video = scene.videoOf(received);
  expectOneSequence(video);
  const steps = stepsMs(video);
  expect(Math.min(...steps)).toBeGreaterThan(0);
  // Packets repeated at a change get the time of their sending.
  expect(Math.max(...steps)).toBeLessThan(100);
  const sum = steps.reduce((total, step) => total + step, 0);
  expect(sum).toBeGreaterThan(57_000 - 120);
  expect(sum).toBeLessThan(57_000 + 40);
  const largest = video.map(({ payload }) => payload.length > 1_000);
  expect(largest.indexOf(false, 200)).toBeGreaterThan(0);
  expect(scene.small.stream.audience).toBe(0);
});

test.for([-8_000, 8_000])(
  'a camera whose clock is %i ms ahead causes no jump between the streams',
  async (wallAheadMs) => {
    const scene = new Scene(open);
    scene.main.wallAheadMs = wallAheadMs;
    scene.viewer.start();
    const received = [...(await scene.play(8, 0)), ...(await scene.play(4, 0.5)), ...(await scene.play(45, 0))];
    expect(scene.quality).toBe('all');
    const steps = stepsMs(scene.videoOf(received));
    expect(Math.min(...steps)).toBeGreaterThan(0);
    expect(Math.max(...steps)).toBeLessThan(100);
  },
);

test('a long group of the fallback is not sent at once: its key frame alone, then the next group', async () => {
  const scene = await lowered(open, 250);
  expect(scene.quality).toBe('fallback');
  await scene.clock.advance(0);
  const video = scene.viewer.takeVideo();
  expect(video.filter(({ marker }) => marker)).toHaveLength(1);
  expect(isKey(video[0] as Received)).toBe(true);
});

test('sender reports tie the time of the stream that is sent to the wall clock', async () => {
  const scene = await lowered(open);
  await scene.play(2, 0);
  const before = scene.clock.wallMs();
  scene.small.picture(false, 900);
  const picture = scene.viewer.takeVideo().at(-1) as Received;
  scene.viewer.link.reports.length = 0;
  await scene.clock.advance(700);
  scene.viewer.viewing.tick();
  const reports: SenderInfo[] = [];
  for (const report of scene.viewer.link.reports) {
    parseRtcp(report, 0, report.length, { onSenderReport: (info) => reports.push(info), onBye: () => {} });
  }
  const report = reports.find(({ ssrc }) => ssrc === picture.ssrc) as SenderInfo;
  const pictureWallMs = report.unixMs - ((report.timestamp - picture.timestamp) | 0) / 90;
  expect(Math.abs(pictureWallMs - before)).toBeLessThan(1);
  expect(reports.map(({ ssrc }) => ssrc).toSorted()).toEqual(
    [picture.ssrc, scene.viewer.viewing.audio?.ssrc ?? 0].toSorted(),
  );
});

test('lost packets of the fallback are resent; sequence numbers of the previous stream are unknown', async () => {
  const scene = await lowered(open);
  const old = (scene.viewer.video.packetIndex - 200) & 0xffff;
  await scene.play(1, 0);
  scene.small.picture(false, 900);
  const lost = scene.viewer.takeVideo().at(-1) as Received;
  scene.viewer.nack([lost.sequence, 0], [old, 0xff]);
  const repairs = scene.viewer.takeRepairs();
  expect(repairs.map(({ payload }) => payload.subarray(2))).toEqual([lost.payload]);
  expect(repairs[0]?.timestamp).toBe(lost.timestamp);
});

test.for([
  ['cannot be opened', () => Promise.reject(new PerchError('notFound', "no stream is available on path 'small'"))],
  ['has another codec', () => Promise.resolve(new Stream([VP8]))],
  [
    'has ended',
    async (small: Stream) => {
      small.close();
      return small;
    },
  ],
  ['is the stream itself', async (_: Stream, main: Stream) => main],
] as const)('a fallback that %s: the viewer gets key frames only', async ([, openFallback]) => {
  const scene = await lowered(openFallback);
  expect(scene.quality).toBe('keyFrames');
  const video = scene.videoOf(await scene.play(3, 0.5));
  expect(video.filter(({ marker }) => marker)).toHaveLength(3);
});

test.for(['from the beginning', 'later'])(
  'a fallback that has B-frames %s: the viewer gets key frames only',
  async (when) => {
    const scene = new Scene(open);
    scene.small.hasBFrames = when === 'from the beginning';
    scene.viewer.start();
    await scene.play(6, 0);
    for (let s = 0; s < 5 && scene.quality === 'all'; s += 1) {
      await scene.play(1, 0.5);
    }
    expect(scene.quality).toBe(when === 'later' ? 'fallback' : 'keyFrames');
    scene.small.hasBFrames = true;
    await scene.play(1, 0);
    expect(scene.quality).toBe('keyFrames');
    expect(scene.viewer.link.closedWhy).toBeUndefined();
  },
);

test('when the fallback ends the viewer gets the key frames of the stream', async () => {
  const scene = await lowered(open);
  expect(scene.quality).toBe('fallback');
  scene.small.stream.close();
  expect(scene.quality).toBe('keyFrames');
  const video = scene.videoOf(await scene.play(2, 0));
  expect(video.filter(({ marker }) => marker).length).toBeGreaterThanOrEqual(2);
  expect(scene.viewer.link.closedWhy).toBeUndefined();
});

test('a fallback that is too much as well: its key frames only', async () => {
  const scene = await lowered(open);
  await scene.play(12, 0.5);
  expect(scene.quality).toBe('keyFrames');
  const video = scene.videoOf(await scene.play(2, 0.5));
  expect(video.filter(({ marker }) => marker)).toHaveLength(2);
  expect(video.every(({ payload }) => payload.length < 1_000)).toBe(true);
});

test('a viewer that leaves while its fallback opens leaves no reader', async () => {
  let finish = (_: Stream): void => {};
  const scene = await lowered(() => new Promise((resolve) => (finish = resolve)));
  expect(scene.quality).toBe('keyFrames');
  scene.viewer.viewing.close();
  finish(scene.small.stream);
  await scene.clock.advance(0);
  expect(scene.small.stream.readers).toEqual([]);
  expect(scene.main.stream.readers).toEqual([]);
});

test('bytes sent to a viewer count once, also after it has left', async () => {
  const scene = new Scene();
  scene.viewer.start();
  await scene.play(2, 0);
  const { outboundBytes, outboundPackets } = scene.viewer.viewing.statistics;
  scene.viewer.viewing.close();
  expect(scene.viewer.viewing.statistics).toMatchObject({ outboundBytes, outboundPackets });
});

test('a viewer that leaves on its fallback is removed from both streams', async () => {
  const scene = await lowered(open);
  const { outboundBytes, outboundPackets } = scene.viewer.viewing.statistics;
  scene.viewer.viewing.close();
  expect(scene.small.stream.readers).toEqual([]);
  expect(scene.main.stream.readers).toEqual([]);
  expect(scene.viewer.viewing.statistics).toMatchObject({ outboundBytes, outboundPackets });
});

test('no packet number is used for two contents, with any loss, repetition and change, which would expose the keys', async () => {
  const next = random(17);
  const scene = new Scene(open, false);
  const bytesOf = new Map<number, string>();
  let repeats = 0;
  scene.viewer.take = () => {
    const packets = scene.viewer.link.packets.splice(0);
    for (const packet of packets) {
      if (packet.readUInt32BE(8) === scene.viewer.video.ssrc) {
        const sequence = packet.readUInt16BE(2);
        const bytes = packet.toString('latin1');
        repeats += bytesOf.has(sequence) ? 1 : 0;
        expect(bytesOf.get(sequence) ?? bytes).toBe(bytes);
        bytesOf.set(sequence, bytes);
        if (next() < 0.1) {
          scene.viewer.nack([sequence - Math.floor(40 * next()), Math.floor(65_536 * next())]);
        }
      }
    }
    if (next() < 0.2) {
      scene.viewer.losePicture();
    }
    return [];
  };
  // Sequence numbers do not repeat within the test.
  scene.viewer.video.packetIndex = 5_000;
  scene.viewer.start();
  const shares = new Set<string | undefined>();
  for (let s = 0; s < 80; s += 1) {
    await scene.play(1, s % 40 > 10 && s % 40 < 16 ? 0.5 : 0);
    shares.add(scene.quality);
  }
  expect(shares.size).toBeGreaterThan(1);
  expect(repeats).toBeGreaterThan(1_000);
  expect(bytesOf.size).toBeGreaterThan(5_000);
  expect(scene.viewer.video.packetIndex).toBeLessThan(65_536);
});

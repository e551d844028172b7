import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { tinyH264, tinyVideo } from '../../../test/support/media/tiny-h264.ts';
import { hex } from '../../../test/support/media/units.ts';
import { silentLogger } from '../../base/log.ts';
import { START_TICKS, TsMuxer } from '../../media/mpegts/mux/mux.ts';
import type { Sample } from '../../media/sample/sample.ts';
import type { AacTrack, Track } from '../../media/sample/track.ts';
import { Stream } from '../stream.ts';
import { TsInput } from './ts-input.ts';

const aac: AacTrack = {
  ...{ kind: 'audio', codec: 'aac', clockRate: 48_000, channels: 2, frameSamples: 1024 },
  config: hex('1190'),
};
const aac44: AacTrack = { ...aac, clockRate: 44_100, config: hex('1210') };
/** A picture lasts as long as an AAC frame at 48 kHz. */
const FRAME_TICKS = 1_920;
const FRAME_MS = FRAME_TICKS / 90;

/**
 * A live sender of pictures and sound, and the stream that they become.
 * @param bundle frames of sound that are sent together, after the picture of the last one
 */
function setUp(firstSeconds = 0, bundle = 1) {
  const clock = new FakeClock();
  const samples: { readonly track: number; readonly seconds: number; readonly atMs: number }[] = [];
  const sink = {
    publish: (tracks: readonly Track[]): Stream => {
      const stream = new Stream(tracks);
      const onSample = (track: number, { dts }: Sample) => {
        const { clockRate } = stream.tracks[track] as Track;
        samples.push({ track, seconds: dts / clockRate, atMs: clock.monoMs() });
      };
      stream.addReader({ id: 'test', onSample, onTrack: () => {}, onEnd: () => {} }, false);
      return stream;
    },
  };
  const input = new TsInput(sink, { name: 'yard', sender: 'sender', readTimeoutMs: 10_000 }, clock, silentLogger);
  const muxer = new TsMuxer([tinyH264, aac]);
  const pictures = tinyVideo(5, 50, 5);
  let rateHz = aac.clockRate;
  let ticks = firstSeconds * 90_000;
  let frames = 0;
  const sounds: Sample[] = [];
  const sendOne = () => {
    const picture = pictures[frames % 5] as Sample;
    const video = { ...picture, pts: ticks, dts: ticks };
    const audioDts = Math.round((ticks * rateHz) / 90_000);
    sounds.push({ ...video, pts: audioDts, dts: audioDts, key: true, data: new Uint8Array(60) });
    const sent = sounds.length < bundle ? [] : sounds.splice(0);
    const bytes = sent.reduce((sum, audio) => sum + muxer.maxBytesOf(1, audio), muxer.maxBytesOf(0, video));
    const out = new Uint8Array(muxer.tableBytes + bytes);
    muxer.begin(out);
    muxer.write(0, video, 0);
    for (const audio of sent) {
      muxer.write(1, audio, 0);
    }
    input.push(out, 0, muxer.sizeBytes);
  };
  return {
    ...{ input, samples },
    jump: (seconds: number) => {
      ticks += 90_000 * seconds;
    },
    changeAudio: (track: AacTrack) => {
      rateHz = track.clockRate;
      muxer.describe(1, track);
    },
    async send(seconds: number): Promise<void> {
      for (let i = 0; i < (seconds * 1_000) / FRAME_MS; i += 1, frames += 1, ticks += FRAME_TICKS) {
        sendOne();
        await clock.advance(FRAME_MS);
      }
    },
    /** Media time minus the time of arrival, of the newest sample of a track, in milliseconds. */
    offsetMs: (track: number): number => {
      const last = samples.findLast((sample) => sample.track === track);
      return 1_000 * (last?.seconds ?? Number.NaN) - (last?.atMs ?? Number.NaN);
    },
  };
}

test.for([-1.5, -3, -9, -60, -86_400, 7, 3_600])(
  'the clock of a sender is set by %d s: pictures and sound go on together, at the time of arrival',
  async (seconds) => {
    const box = setUp(100_000);
    await box.send(10);
    const before = [box.offsetMs(0), box.offsetMs(1)];
    box.jump(seconds);
    await box.send(20);
    for (const [track, offsetMs] of before.entries()) {
      expect(Math.abs(box.offsetMs(track) - offsetMs), `track ${track}`).toBeLessThan(100);
    }
  },
);

test('a file that is sent again and again, its sound in bundles, keeps sound and pictures together', async () => {
  const box = setUp(100_000, 12);
  const apartMs = () => box.offsetMs(1) - box.offsetMs(0);
  await box.send((25 * 12 * FRAME_TICKS) / 90_000);
  const beforeMs = apartMs();
  for (let i = 0; i < 10; i += 1) {
    box.jump((-25 * 12 * FRAME_TICKS) / 90_000);
    await box.send((25 * 12 * FRAME_TICKS) / 90_000);
  }
  expect(apartMs() - beforeMs).toBeCloseTo(0, 0);
});

test('times of 33 bits wrap without a step', async () => {
  const wrapsAt = (2 ** 33 - START_TICKS) / 90_000;
  const box = setUp(wrapsAt - 5);
  await box.send(10);
  for (const track of [0, 1]) {
    const times = box.samples.filter((sample) => sample.track === track).map(({ seconds }) => seconds);
    const steps = times.slice(1).map((time, i) => 1_000 * (time - (times[i] ?? 0)));
    expect(times.length).toBeGreaterThan(400);
    expect(Math.min(...steps)).toBeCloseTo(FRAME_MS, 0);
    expect(Math.max(...steps)).toBeCloseTo(FRAME_MS, 0);
  }
});

test('audio that changes its sample rate starts the stream again', async () => {
  const box = setUp();
  await box.send(10);
  box.changeAudio(aac44);
  await box.send(1);
  expect(() => box.input.check()).toThrow(
    "sender of path 'yard' has changed the clock rate of MPEG-4 Audio from 48000 to 44100 Hz: starting again with it",
  );
  const sounds = box.samples.filter(({ track }) => track === 1);
  expect(sounds.every(({ seconds }, i) => i === 0 || seconds - (sounds[i - 1]?.seconds ?? 0) > 0.01)).toBe(true);
});

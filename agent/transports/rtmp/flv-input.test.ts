import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { tinyH264, tinyVideo, wideH264 } from '../../../test/support/media/tiny-h264.ts';
import { hex } from '../../../test/support/media/units.ts';
import { silentLogger } from '../../base/log.ts';
import { codecOf } from '../../media/codecs.ts';
import { TAG } from '../../media/flv/codes.ts';
import { TrackTags } from '../../media/flv/track-tags.ts';
import type { Sample } from '../../media/sample/sample.ts';
import type { Track } from '../../media/sample/track.ts';
import { Stream } from '../../stream/stream.ts';
import { FlvInput } from './flv-input.ts';

const PICTURE_MS = 40;
const AAC: Track = {
  ...{ kind: 'audio', codec: 'aac', clockRate: 48_000, channels: 2, frameSamples: 1024 },
  config: hex('1190'),
};
const AAC_44: Track = { ...AAC, clockRate: 44_100, config: hex('1210') };

function tagsOf(track: Track): TrackTags {
  const format = codecOf(track).flv?.(track);
  if (!format) {
    throw new Error(`FLV has no ${track.codec}`);
  }
  return new TrackTags(track, format, false, 0);
}

/** A publisher of pictures and sound, and the stream that they become. */
function setUp(firstMs = 0) {
  const clock = new FakeClock();
  const samples: { readonly track: number; readonly ms: number; readonly pts: number; readonly atMs: number }[] = [];
  let opened: Stream | undefined;
  const sink = {
    publish: (tracks: readonly Track[]): Stream => {
      const stream = new Stream(tracks);
      opened = stream;
      const onSample = (track: number, { dts, pts }: Sample) => {
        const { clockRate } = stream.tracks[track] as Track;
        const ms = (dts * 1_000) / clockRate;
        samples.push({ track, ms, pts: (pts * 1_000) / clockRate - ms, atMs: clock.monoMs() });
      };
      stream.addReader({ id: 'test', onSample, onTrack: () => {}, onEnd: () => {} }, false);
      return stream;
    },
  };
  const input = new FlvInput(sink, 'yard', 'publisher', clock, silentLogger);
  let time = firstMs;
  const push = (type: number, head: Uint8Array, data: Uint8Array) => {
    const body = Buffer.concat([head, data]);
    input.push(type, time % 2 ** 32, Uint8Array.from(body), 0, body.length);
  };
  return {
    ...{ clock, input, samples, push },
    stream: () => opened,
    jump: (ms: number) => {
      time += ms;
    },
    configure: (...tracks: readonly Track[]) => {
      for (const tags of tracks.map(tagsOf)) {
        push(tags.type, tags.header ?? new Uint8Array(), new Uint8Array());
      }
    },
    /** @param compositionMs of each second picture */
    async send(pictures: number, { tracks = [tinyH264, AAC] as readonly Track[], compositionMs = 0 } = {}) {
      const all = tinyVideo(5, 25, 5);
      for (let i = 0; i < pictures; i += 1, time += PICTURE_MS) {
        const picture = all[i % 5] as Sample;
        for (const tags of tracks.map(tagsOf)) {
          const data = tags.type === TAG.video ? picture.data : new Uint8Array(20);
          const pts = (i % 2) * compositionMs * (tags.track.clockRate / 1_000);
          push(tags.type, tags.head({ ...picture, dts: 0, pts }, 0), data);
        }
        await clock.advance(PICTURE_MS);
      }
    },
    steps: (track: number): number[] => {
      const times = samples.filter((sample) => sample.track === track).map(({ ms }) => ms);
      return times.slice(1).map((ms, i) => ms - (times[i] ?? 0));
    },
    /** Media time minus the time of arrival, of the newest sample of a track. */
    offsetMs: (track: number): number => {
      const last = samples.findLast((sample) => sample.track === track);
      return (last?.ms ?? Number.NaN) - (last?.atMs ?? Number.NaN);
    },
  };
}

test.for([2 ** 32 - 2_000, 2 ** 31 - 2_000, 0xff_ffff - 2_000])('times from %d ms on have no step', async (firstMs) => {
  const box = setUp(firstMs);
  box.configure(tinyH264, AAC);
  await box.send(150);
  expect(box.steps(0)).toHaveLength(149);
  expect(Math.max(...box.steps(0))).toBeCloseTo(PICTURE_MS, 5);
  expect(Math.min(...box.steps(0))).toBeCloseTo(PICTURE_MS, 5);
});

test.for([-500, -1_500, -3_000, -9_000, -3_600_000, 7_000, 3_600_000])(
  "an encoder's clock is set by %d ms: pictures and sound go on together",
  async (ms) => {
    const box = setUp(10_000_000);
    box.configure(tinyH264, AAC);
    await box.send(250);
    const before = [box.offsetMs(0), box.offsetMs(1)];
    box.jump(ms);
    await box.send(500);
    const moved = before.map((offsetMs, track) => box.offsetMs(track) - offsetMs);
    expect(Math.abs((moved[0] ?? 0) - (moved[1] ?? 0))).toBeLessThan(100);
    expect(Math.abs(moved[0] ?? 0)).toBeLessThan(600);
    expect(Math.min(...box.steps(0), ...box.steps(1))).toBeGreaterThan(0);
  },
);

test('pictures of another size follow their new configuration', async () => {
  const box = setUp();
  box.configure(tinyH264, AAC);
  await box.send(10);
  box.configure(wideH264);
  await box.send(10);
  expect(box.stream()?.tracks).toMatchObject([{ codec: 'h264', width: 96 }, AAC]);
  expect(box.samples.filter(({ track }) => track === 0)).toHaveLength(20);
});

/** Checks each second, as a server does. */
async function sendSeconds(box: ReturnType<typeof setUp>, seconds: number, ...tracks: readonly Track[]): Promise<void> {
  for (let i = 0; i < seconds; i += 1) {
    await box.send(25, { tracks });
    box.input.check();
  }
}

test('sound that comes seconds after the picture is in the stream, which begins again with it', async () => {
  const box = setUp();
  box.configure(tinyH264, AAC);
  await sendSeconds(box, 4, tinyH264);
  expect(box.stream()?.tracks).toMatchObject([{ codec: 'h264' }]);
  expect(box.stream()?.leftOut).toBe('MPEG-4 Audio: no packet so far');
  await sendSeconds(box, 2, tinyH264, AAC);
  expect(box.stream()?.tracks).toMatchObject([{ codec: 'h264' }, AAC]);
  expect(box.samples.filter(({ track }) => track === 0)).toHaveLength(150);
  expect(Math.abs(box.offsetMs(0) - box.offsetMs(1))).toBeLessThan(1);
});

test('a picture that comes seconds after the sound is in the stream, which begins again with it', async () => {
  const box = setUp();
  box.configure(AAC);
  await sendSeconds(box, 6, AAC);
  expect(box.stream()?.tracks).toMatchObject([AAC]);
  // Without onMetaData the publisher has not announced a picture.
  expect(box.stream()?.leftOut).toBeUndefined();
  box.configure(tinyH264);
  await sendSeconds(box, 2, tinyH264, AAC);
  expect(box.stream()?.tracks).toMatchObject([{ codec: 'h264' }, AAC]);
  expect(box.samples.filter(({ track }) => track === 0).length).toBeGreaterThanOrEqual(50);
  expect(Math.abs(box.offsetMs(0) - box.offsetMs(1))).toBeLessThan(1);
});

test('audio that changes its sample rate starts the connection again', async () => {
  const box = setUp();
  box.configure(tinyH264, AAC);
  await box.send(10);
  box.configure(AAC_44);
  await box.send(10, { tracks: [tinyH264, AAC_44] });
  expect(() => box.input.check()).toThrow(
    "publisher of path 'yard' has changed the clock rate of MPEG-4 Audio from 48000 to 44100 Hz: starting again with it",
  );
  expect(box.samples.filter(({ track }) => track === 1)).toHaveLength(10);
});

test.for([[[tinyH264]], [[AAC]]] as const)('one kind of track alone is a stream: %j', async ([tracks]) => {
  const box = setUp();
  box.configure(...tracks);
  for (let second = 0; second < 7; second += 1) {
    await box.send(25, { tracks });
    box.input.check();
  }
  expect(box.stream()?.tracks).toMatchObject(tracks);
  expect(box.samples.length).toBeGreaterThan(100);
});

test('B-frames keep their composition times across the wrap', async () => {
  const box = setUp(2 ** 32 - 1_000);
  box.configure(tinyH264, AAC);
  await box.send(50, { compositionMs: 80 });
  const pictures = box.samples.filter(({ track }) => track === 0);
  expect(pictures.map(({ pts }) => Math.round(pts))).toEqual(pictures.map((_, i) => (i % 2) * 80));
});

/** ExAudioTagHeader with Multitrack, OneTrack: 'Opus' and the track's number, then one frame. */
const opusFrame = (trackId: number): Buffer =>
  Buffer.concat([hex('9501'), Buffer.from('Opus'), Buffer.of(trackId), hex('f80001')]);

test('as many tracks as FLV may have, and one more, end in a rejection', async () => {
  const box = setUp();
  box.configure(tinyH264, AAC);
  const fill = (count: number) => {
    for (let trackId = 1; trackId <= count; trackId += 1) {
      box.push(TAG.audio, opusFrame(trackId), new Uint8Array());
      box.input.isAhead(2_000);
    }
  };
  fill(14);
  expect(() => fill(15)).toThrow('more than 16 tracks');
});

test('tracks with numbers only, next to those that are awaited', () => {
  const box = setUp();
  const fill = (count: number) => {
    for (let trackId = 1; trackId <= count; trackId += 1) {
      box.push(TAG.audio, opusFrame(trackId), new Uint8Array());
      box.input.isAhead(2_000);
    }
  };
  expect(() => fill(17)).toThrow('more than 16 tracks');
});

test.for<[what: string, type: number, body: string]>([
  ['video of one byte', TAG.video, '17'],
  ['video without its data', TAG.video, '2701 0000'],
  ['video with a cut NAL unit', TAG.video, '2701 000000 000000ff 41'],
  ['a cut configuration of video', TAG.video, '1700 000000 0142'],
  ['a configuration of video without data', TAG.video, '1700 000000'],
  ['a video header of a cut modifier', TAG.video, 'f7'],
  ['audio of one byte', TAG.audio, 'af'],
  ['a cut configuration of audio', TAG.audio, 'af00 11'],
])('%s between good messages is skipped and counted', async ([, type, body]) => {
  const run = setUp();
  run.configure(tinyH264, AAC);
  await run.send(4);
  run.push(type, hex(body), new Uint8Array(0));
  await run.send(6);
  const counts = [0, 1].map((track) => run.samples.filter((sample) => sample.track === track).length);
  expect(Math.min(...counts)).toBeGreaterThanOrEqual(9);
  expect(run.stream()?.framesInError).toBeGreaterThanOrEqual(1);
});

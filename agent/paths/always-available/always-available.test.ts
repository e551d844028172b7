import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { tinyH264, tinyVideo } from '../../../test/support/media/tiny-h264.ts';
import type { Sample } from '../../media/sample/sample.ts';
import type { G711Track, H265Track, Track } from '../../media/sample/track.ts';
import { type Reader, Stream } from '../../stream/stream.ts';
import { AlwaysAvailable } from './always-available.ts';
import { configuredTracks } from './offline-media.ts';

const PCMA: G711Track = { kind: 'audio', codec: 'g711', clockRate: 8_000, law: 'a', channels: 1 };

interface Received extends Reader {
  readonly samples: (Sample & { readonly track: number })[];
  readonly descriptions: Track[];
  ends: number;
}

function listener(): Received {
  const received: Received = {
    id: 'test',
    samples: [],
    descriptions: [],
    ends: 0,
    onSample: (track, sample) => received.samples.push({ track, ...sample }),
    onTrack: (_, description) => received.descriptions.push(description),
    onEnd: () => {
      received.ends += 1;
    },
  };
  return received;
}

/** A path's stream whose readers are `received`. */
function begin(fixed: readonly Track[] = []) {
  const clock = new FakeClock();
  const received = listener();
  const streams: Stream[] = [];
  const always = new AlwaysAvailable(fixed, undefined, clock, (stream) => {
    streams.push(stream);
    stream.addReader(received, true);
  });
  return { clock, received, streams, always };
}

/** A source that sends `seconds` of video at 10 pictures per second in real time, and A-law. */
async function send(clock: FakeClock, live: Stream, seconds: number, startTicks = 900_000): Promise<void> {
  for (const sample of tinyVideo(seconds * 10, 10, 10, startTicks)) {
    live.write(0, sample);
    if (live.tracks[1]) {
      const dts = Math.round((sample.dts / 90_000) * 8_000);
      live.write(1, { ...sample, pts: dts, dts, key: true, data: new Uint8Array(800) });
    }
    await clock.advance(100);
  }
}

const seconds = ({ samples }: Received, track: number, rate = 90_000) =>
  samples.filter((one) => one.track === track).map(({ dts }) => dts / rate);

/** Largest distance of two samples, in seconds; all increase. */
function longestGap(times: readonly number[]): number {
  const distances = times.slice(1).map((time, i) => time - (times[i] as number));
  expect(Math.min(...distances)).toBeGreaterThan(0);
  return Math.max(...distances);
}

test('readers stay connected through an outage of a minute: times increase without a gap, with a picture and silence', async () => {
  const { clock, received, always, streams } = begin();
  const first = new Stream([tinyH264, PCMA]);
  always.join(first);
  await send(clock, first, 3);
  first.close();
  await clock.advance(60_000);
  const second = new Stream([tinyH264, PCMA]);
  always.join(second);
  await send(clock, second, 3, 5_000_000);
  expect(received.ends).toBe(0);
  expect(streams).toHaveLength(1);
  const [video, audio] = [seconds(received, 0), seconds(received, 1, 8_000)];
  expect(longestGap(video)).toBeLessThan(0.31);
  expect(longestGap(audio)).toBeLessThan(0.31);
  expect((video.at(-1) as number) - (video[0] as number)).toBeCloseTo(65.9, 0);
  expect(Math.abs((video.at(-1) as number) - (audio.at(-1) as number))).toBeLessThan(0.2);
});

test('the offline picture begins with a key picture of the same size, and the source with its own', async () => {
  const { clock, received, always } = begin();
  const live = new Stream([tinyH264]);
  always.join(live);
  await send(clock, live, 1);
  const before = received.samples.length;
  live.close();
  await clock.advance(200);
  expect(received.samples[before]).toMatchObject({ key: true });
  expect(received.descriptions.at(-1)).toMatchObject({ width: tinyH264.width, height: tinyH264.height });
  expect(received.descriptions.at(-1)).not.toEqual(tinyH264);
  await clock.advance(5_000);
  const keys = received.samples.slice(before).filter(({ key }) => key);
  expect(keys.map(({ dts }) => (dts - (keys[0] as Sample).dts) / 90_000)).toEqual([0, 2, 4]);
  const again = new Stream([tinyH264]);
  always.join(again);
  const offline = received.samples.length;
  const [key, delta] = tinyVideo(2, 10, 10) as [Sample, Sample];
  again.write(0, { ...delta, key: false });
  expect(received.samples.length).toBe(offline);
  again.write(0, key);
  expect(Buffer.from(received.samples.at(-1)?.data ?? []).subarray(-key.data.length)).toEqual(Buffer.from(key.data));
  expect(received.descriptions.at(-1)).toEqual(tinyH264);
});

test('with configured tracks the stream exists before the source', async () => {
  const tracks = configuredTracks([
    { codec: 'H264', sampleRate: 0, channelCount: 0, muLaw: false },
    { codec: 'G711', sampleRate: 8_000, channelCount: 1, muLaw: false },
    { codec: 'MPEG4Audio', sampleRate: 48_000, channelCount: 2, muLaw: false },
  ]);
  const { clock, received, always, streams } = begin(tracks);
  always.start();
  await clock.advance(2_000);
  expect(streams[0]?.tracks).toMatchObject([
    { codec: 'h264', width: 1_280, height: 720 },
    { codec: 'g711', law: 'a' },
    { codec: 'aac', channels: 2 },
  ]);
  const live = new Stream([PCMA, tinyH264]);
  always.join(live);
  const [key] = tinyVideo(1, 10, 10) as [Sample];
  live.write(1, key);
  await clock.advance(1_000);
  expect(received.ends).toBe(0);
  // The source has no AAC, so the track stays silent.
  expect(longestGap(seconds(received, 2, 48_000))).toBeLessThan(0.1);
});

test('a source without a track of the configuration is rejected with both lists', async () => {
  const { always } = begin(configuredTracks([{ codec: 'H264', sampleRate: 0, channelCount: 0, muLaw: false }]));
  always.start();
  expect(() => always.join(new Stream([PCMA]))).toThrow('its tracks (g711) do not fit alwaysAvailableTracks (h264)');
});

test('without tracks in the configuration a source with other tracks replaces the stream', async () => {
  const { always, received, streams } = begin();
  always.join(new Stream([tinyH264]));
  always.join(new Stream([tinyH264, PCMA]));
  expect(streams).toHaveLength(2);
  expect(received.ends).toBe(1);
});

test('codecs without a picture of our own repeat the last key picture once a second', async () => {
  const h265 = { ...tinyH264, codec: 'h265', vps: new Uint8Array(4) } as H265Track;
  const { clock, received, always } = begin();
  const live = new Stream([h265]);
  always.join(live);
  const [key, delta] = tinyVideo(2, 10, 10) as [Sample, Sample];
  live.write(0, key);
  live.write(0, delta);
  live.close();
  const before = received.samples.length;
  await clock.advance(3_000);
  const repeated = received.samples.slice(before);
  expect(repeated.length).toBeGreaterThanOrEqual(2);
  expect(repeated.every((sample) => sample.key && Buffer.compare(sample.data, key.data) === 0)).toBe(true);
});

test('a requested key frame comes from the source, or from the offline picture', async () => {
  const { clock, received, always, streams } = begin();
  const live = new Stream([tinyH264]);
  always.join(live);
  let asked = 0;
  live.onKeyFrameWanted = () => {
    asked += 1;
    return true;
  };
  await send(clock, live, 1);
  expect(streams[0]?.requestKeyFrame()).toBe(true);
  expect(asked).toBe(1);
  live.close();
  await clock.advance(300);
  expect(streams[0]?.requestKeyFrame()).toBe(true);
  const before = received.samples.length;
  await clock.advance(300);
  expect(received.samples[before]).toMatchObject({ key: true });
});

test('after a stop of the machine the media of the pause is left out', async () => {
  const { clock, received, always } = begin(
    configuredTracks([{ codec: 'H264', sampleRate: 0, channelCount: 0, muLaw: false }]),
  );
  always.start();
  await clock.advance(1_000);
  const before = received.samples.length;
  clock.skip(3_600_000);
  await clock.advance(200);
  expect(received.samples.length - before).toBeLessThan(10);
});

test('the end of the path ends its readers', async () => {
  const { always, received, clock } = begin();
  const live = new Stream([tinyH264]);
  always.join(live);
  await send(clock, live, 1);
  always.close();
  const before = received.samples.length;
  await clock.advance(5_000);
  expect(received.ends).toBe(1);
  expect(received.samples.length).toBe(before);
});

import { expect, test } from 'vitest';
import { byLength } from '../../../../test/peers/programs/peers.ts';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { random } from '../../../../test/support/base/random.ts';
import { FragmentWatcher } from '../../../../test/support/clients/fragment-watcher.ts';
import { tinyH264, tinyVideo } from '../../../../test/support/media/tiny-h264.ts';
import { parseInit } from '../../../media/mp4/read/read.ts';
import type { Sample } from '../../../media/sample/sample.ts';
import type { AacTrack, OpusTrack, Track } from '../../../media/sample/track.ts';
import { Stream } from '../../../stream/stream.ts';
import { LiveFragments } from './live-fragments.ts';

const aac: AacTrack = {
  kind: 'audio',
  codec: 'aac',
  clockRate: 48_000,
  channels: 2,
  config: Uint8Array.of(0x11, 0x90),
  frameSamples: 1024,
};
const opus: OpusTrack = { kind: 'audio', codec: 'opus', clockRate: 48_000, channels: 2 };

function setup(tracks: readonly Track[], wanted = tracks.map((_, i) => i)) {
  const stream = new Stream(tracks);
  const clock = new FakeClock();
  let idle = 0;
  const live = new LiveFragments(stream, wanted, clock, () => {
    idle += 1;
  });
  const join = (): FragmentWatcher => {
    const watcher = new FragmentWatcher();
    live.join(watcher);
    return watcher;
  };
  return { stream, clock, live, join, idle: () => idle };
}

/** Audio with a clock of 48 kHz. */
function sound(from: number, frames: number, ticks = 1024): Sample[] {
  return Array.from({ length: frames }, (_, i) => {
    const pts = from + i * ticks;
    return { pts, dts: pts, wall: pts / 48, key: true, data: Uint8Array.of(0xfc, i, i >> 8) };
  });
}

test('a viewer gets everything since the last key picture, and the time to play from', () => {
  const { stream, join } = setup([tinyH264]);
  const video = tinyVideo(70, 25, 50, 900_000);
  for (const picture of video) {
    stream.write(0, picture);
  }
  const watcher = join();
  expect(watcher.fragments.length).toBe(20);
  expect(watcher.fragments.map(({ isKey }) => isKey).indexOf(true)).toBe(0);
  const [begin] = watcher.inits;
  expect([begin?.startS, begin?.liveS]).toEqual([10, 10.76]);
  expect(begin?.init.mimeCodec).toBe('video/mp4; codecs="avc1.42C00A"');
  const { message, headBytes } = begin?.init ?? { message: Buffer.alloc(0), headBytes: 0 };
  expect(parseInit(message.subarray(headBytes))?.tracks.length).toBe(1);
  for (const picture of tinyVideo(3, 25, 50, 900_000 + 70 * 3600)) {
    stream.write(0, { ...picture, key: false });
  }
  expect(watcher.seen.map(({ time, duration }) => [time, duration])).toEqual(
    Array.from({ length: 23 }, (_, i) => [900_000 + i * 3600, 3600]),
  );
  expect(watcher.seen[0]?.data).toBe(Buffer.from(video[50]?.data ?? []).toString('latin1'));
});

test('all viewers get the same bytes', () => {
  const { stream, join } = setup([tinyH264, aac]);
  const first = join();
  for (const [i, picture] of tinyVideo(60, 25, 30).entries()) {
    stream.write(0, picture);
    for (const frame of sound(i * 2048, 2)) {
      stream.write(1, frame);
    }
  }
  const second = join();
  expect(second.messages.length).toBeGreaterThan(29);
  expect(Buffer.concat(first.messages).includes(Buffer.concat(second.messages))).toBe(true);
});

test('audio is in the fragment of the next picture', () => {
  const { stream, join } = setup([tinyH264, aac]);
  const watcher = join();
  for (const [i, picture] of tinyVideo(10, 25, 50).entries()) {
    stream.write(0, picture);
    for (const frame of sound(i * 1920, 1)) {
      stream.write(1, frame);
    }
  }
  const tracks = watcher.fragments.map(({ seen }) => seen.map(({ track }) => track).join());
  expect(tracks).toEqual(['0', ...Array.from({ length: 9 }, () => '0,1')]);
});

test('audio does not wait for a missing picture', () => {
  const { stream, join } = setup([tinyH264, aac]);
  const watcher = join();
  stream.write(0, tinyVideo(1, 25, 1)[0] as Sample);
  for (const frame of sound(0, 10)) {
    stream.write(1, frame);
  }
  expect(watcher.seen.filter(({ track }) => track === 1).length).toBe(10);
});

/** Media time up to which a track is complete, in seconds. */
function wholeToS({ seen }: FragmentWatcher, track: number, rate: number): number {
  let end: number | undefined;
  for (const { time, duration } of seen.filter((one) => one.track === track)) {
    expect(time).toBe(end ?? time);
    end = time + duration;
  }
  return (end ?? Number.NaN) / rate;
}

test('silence replaces stopped audio up to the video, and later audio continues', () => {
  const { stream, join } = setup([tinyH264, aac]);
  const watcher = join();
  let frames = 0;
  for (const [i, picture] of tinyVideo(250, 25, 25).entries()) {
    stream.write(0, picture);
    const isHalted = i >= 50 && i < 200;
    while (!isHalted && frames * 1024 < i * 1920) {
      // After the stall the sender continues at the present time.
      const [frame] = sound(frames * 1024, 1) as [Sample];
      stream.write(1, { ...frame, data: Uint8Array.of(0xfc, frames, frames >> 8) });
      frames += 1;
    }
    if (isHalted) {
      frames = Math.ceil((i * 1920) / 1024) - 8;
      expect(wholeToS(watcher, 1, 48_000)).toBeLessThanOrEqual(10 + i / 25);
    }
    if (i >= 75 && i < 200) {
      expect(wholeToS(watcher, 1, 48_000)).toBeGreaterThan(10 + i / 25 - 0.03);
    }
  }
  expect(wholeToS(watcher, 1, 48_000)).toBeGreaterThan(19.8);
  const { seen } = watcher;
  const heard = seen.filter(({ track, data }) => track === 1 && data.length === 3).map(({ data }) => data);
  expect(new Set(heard).size).toBe(heard.length);
  // Some frames at the end of the stall arrived too late.
  expect(heard.length).toBeGreaterThan(180);
});

test('a camera that announces sound and sends none has silence', () => {
  const { stream, join } = setup([tinyH264, opus]);
  const early = join();
  for (const picture of tinyVideo(90, 25, 50)) {
    stream.write(0, picture);
  }
  expect(wholeToS(early, 1, 48_000)).toBeGreaterThan(13.5);
  // The silence goes with the group.
  const late = join();
  expect(late.seen.filter(({ track }) => track === 1).length).toBeGreaterThan(75);
});

test('audio that is always late is not silenced', () => {
  const { stream, join } = setup([tinyH264, aac]);
  const watcher = join();
  const sent: string[] = [];
  let frames = 0;
  for (const [i, picture] of tinyVideo(200, 25, 25).entries()) {
    stream.write(0, picture);
    // Three seconds.
    while (i > 75 && frames * 1024 < (i - 75) * 1920) {
      const [frame] = sound(frames * 1024, 1) as [Sample];
      stream.write(1, { ...frame, data: Uint8Array.of(0xfc, frames, frames >> 8) });
      sent.push(Buffer.of(0xfc, frames, frames >> 8).toString('latin1'));
      frames += 1;
    }
  }
  const heard = watcher.seen.filter(({ track, data }) => track === 1 && data.length === 3).map(({ data }) => data);
  // From where the silence ended that was there before it.
  expect(heard.length).toBeGreaterThan(75);
  expect(sent.slice(-5)).toContain(heard.at(-1));
});

test('audio without video is sent on arrival, the shortest Opus frames in groups', () => {
  const { stream, join } = setup([opus]);
  const watcher = join();
  // 0x80: CELT of 2.5 ms.
  for (const frame of sound(48_000, 16, 120)) {
    stream.write(0, { ...frame, data: Uint8Array.of(0x80, 1) });
  }
  expect(watcher.fragments.map(({ samples, isKey }) => [samples, isKey])).toEqual([
    [8, true],
    [8, true],
  ]);
  expect(watcher.seen.every(({ duration }) => duration === 120)).toBe(true);
  expect(watcher.inits[0]?.init.mimeCodec).toBe('audio/mp4; codecs="opus"');
  const later = join();
  for (const frame of sound(60_000, 1)) {
    stream.write(0, { ...frame, data: Uint8Array.of(0xf8, 1) });
  }
  expect(later.inits.length).toBe(1);
  expect(later.seen.length).toBe(1);
});

test('nothing is sent before the first key picture', () => {
  const { stream, join } = setup([tinyH264, aac]);
  const watcher = join();
  const [key, ...rest] = tinyVideo(10, 25, 50) as [Sample, ...Sample[]];
  for (const picture of rest) {
    stream.write(0, picture);
  }
  for (const frame of sound(0, 5)) {
    stream.write(1, frame);
  }
  expect([watcher.inits.length, watcher.fragments.length]).toEqual([0, 0]);
  stream.write(0, { ...key, pts: 90_000, dts: 90_000 });
  expect(watcher.inits.length).toBe(1);
  expect(watcher.fragments.length).toBe(1);
});

test('a picture with other parameters follows a new init segment, for old and new viewers, and timestamps continue', () => {
  const { stream, join } = setup([tinyH264]);
  const watcher = join();
  for (const picture of tinyVideo(10, 25, 50)) {
    stream.write(0, picture);
  }
  stream.setTrack(0, { ...tinyH264, width: 128 });
  const early = join();
  expect(early.inits.length).toBe(0);
  for (const picture of tinyVideo(2, 25, 50, 10 * 3600)) {
    stream.write(0, picture);
  }
  expect(watcher.inits.map(({ init }) => init.tracks[0])).toEqual([tinyH264, { ...tinyH264, width: 128 }]);
  expect([watcher.inits[1]?.startS, watcher.inits[1]?.liveS]).toEqual([10.4, 10.4]);
  expect([early.inits.length, early.fragments.length]).toEqual([1, 2]);
  expect(watcher.seen.map(({ time }) => time)).toEqual(Array.from({ length: 12 }, (_, i) => 900_000 + i * 3600));
});

test('audio with other parameters waits for the next key picture', () => {
  const { stream, join } = setup([tinyH264, aac]);
  const watcher = join();
  stream.write(0, tinyVideo(1, 25, 50)[0] as Sample);
  stream.setTrack(1, { ...aac, channels: 1 });
  for (const frame of sound(0, 6)) {
    stream.write(1, frame);
  }
  expect(watcher.seen.length).toBe(1);
  for (const picture of tinyVideo(2, 25, 1, 7200)) {
    stream.write(0, picture);
    stream.write(1, sound(Math.round(picture.pts / 1.875), 1)[0] as Sample);
  }
  expect(watcher.inits.length).toBe(2);
  expect(watcher.fragments.map(({ seen }) => seen.map(({ track }) => track).join())).toEqual(['0', '0', '1', '0']);
});

test('the capture time is sent at the start and each second', async () => {
  const { stream, join, clock } = setup([tinyH264]);
  const start = clock.wallMs();
  const watcher = join();
  for (const picture of tinyVideo(50, 25, 50, 0, start - 30)) {
    stream.write(0, picture);
    await clock.advance(40);
  }
  const offsets = watcher.clocks.map(({ mediaS, captureMs, nowMs }) => [
    mediaS,
    Number(captureMs) - start,
    Number(nowMs) - start,
  ]);
  expect(offsets).toEqual([
    [10, -30, 0],
    [11, 970, 1000],
  ]);
});

test('it reads the stream only while it has viewers, and reports the end once', () => {
  const { stream, live, join, idle } = setup([tinyH264]);
  expect(stream.readers.length).toBe(0);
  const [one, other] = [join(), join()];
  expect(stream.readers.map(({ kind }) => kind)).toEqual([undefined]);
  expect(stream.audience).toBe(0);
  live.leave(one);
  expect([stream.readers.length, idle()]).toEqual([1, 0]);
  stream.close();
  live.leave(other);
  expect([one.ends, other.ends, idle()]).toEqual([0, 1, 1]);
  expect(join().ends).toBe(1);
});

test('one viewer that fails does not harm the others', () => {
  const { stream, live, join } = setup([tinyH264]);
  const broken = new FragmentWatcher();
  broken.onFragment = () => {
    throw new Error('broken');
  };
  live.join(broken);
  const watcher = join();
  for (const picture of tinyVideo(3, 25, 50)) {
    stream.write(0, picture);
  }
  expect([broken.ends, watcher.fragments.length]).toEqual([1, 3]);
});

const nameOf = (data: string): string => data.slice(1, 4);

test('for any input, each viewer gets each sample once, in order, from a key picture on', () => {
  for (let seed = 1; seed <= byLength(12, 40); seed += 1) {
    const next = random(seed);
    const wanted = next() < 0.3 ? [0, 2] : [0, 1, 2];
    const { stream, live, join } = setup([tinyH264, aac, opus], wanted);
    /** What viewers get from the first key picture on, by track. */
    const due: string[][] = [[], [], []];
    let hasBegun = false;
    const watchers: FragmentWatcher[] = [join()];
    const ticks = [0, 0, 0];
    let sent = 0;
    for (let i = 0; i < 400; i += 1) {
      const track = next() < 0.4 ? 0 : next() < 0.5 ? 1 : 2;
      const rate = track === 0 ? 90_000 : 48_000;
      const lateS = track === 0 ? 0 : next() * 0.3;
      const dts = Math.max((ticks[track] as number) + 1, Math.round((i / 60 + next() * 0.02 - lateS) * rate) + rate);
      ticks[track] = dts;
      const pts = dts + (track === 0 && next() < 0.3 ? 3600 : 0);
      sent += 1;
      const data = Uint8Array.of(0xf8, track, sent >> 8, sent, ...Array.from({ length: next() * 300 }, () => i));
      const key = track > 0 || next() < 0.08;
      hasBegun ||= track === 0 && key;
      if (hasBegun) {
        due[track]?.push(nameOf(Buffer.from(data).toString('latin1')));
      }
      stream.write(track, { pts, dts, wall: dts, key, data });
      if (next() < 0.02) {
        watchers.push(join());
      } else if (next() < 0.01 && watchers.length > 1) {
        live.leave(watchers.pop() as FragmentWatcher);
      }
    }
    for (const [number, track] of wanted.entries()) {
      const names = (watchers[0]?.seen ?? []).filter((one) => one.track === number).map(({ data }) => nameOf(data));
      const all = due[track] ?? [];
      expect(names).toEqual(all.slice(0, names.length));
      // Sound may still wait for a picture.
      expect(all.length - names.length).toBeLessThan(track === 0 ? 1 : 5);
    }
    for (const { seen, fragments } of watchers) {
      expect(fragments[0]?.isKey ?? true).toBe(true);
      for (const track of [0, 1, 2]) {
        const times = seen.filter((one) => one.track === track).map(({ time }) => time);
        expect(times).toEqual(times.toSorted((a, b) => a - b));
      }
      // The last viewers' fragments are the end of the first one's.
      const all = watchers[0]?.fragments ?? [];
      expect(all.slice(all.length - fragments.length)).toEqual(fragments);
    }
  }
});

test('reordered frames have the same capture time', async () => {
  const { stream, join, clock } = setup([tinyH264]);
  const start = clock.wallMs();
  const watcher = join();
  // In the order of decoding the places at which four of them are shown; an odd number of groups in a second.
  const shown = [1, 4, 2, 3];
  for (const [i, picture] of tinyVideo(203, 29, 29, 0, start).entries()) {
    const place = 4 * (i >> 2) + (shown[i % 4] ?? 0);
    stream.write(0, { ...picture, pts: Math.round((place * 90_000) / 29), wall: start + Math.round((i * 1000) / 29) });
    await clock.advance(1000 / 29);
  }
  const [, ...offsets] = watcher.clocks.map(({ mediaS, captureMs }) => Number(captureMs) - Number(mediaS) * 1000);
  expect(offsets.length).toBeGreaterThan(4);
  expect(Math.max(...offsets) - Math.min(...offsets)).toBeLessThan(3);
});

import { createDecoder, createEncoder } from 'libopus-wasm';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { mutate } from '../../test/support/base/mutate.ts';
import { random } from '../../test/support/base/random.ts';
import { AacFrames } from '../../test/support/media/aac-frames.ts';
import { decodeFlacFrame } from '../../test/support/media/flac-decoder.ts';
import { tinyH264, tinyVideo } from '../../test/support/media/tiny-h264.ts';
import type { Logger } from '../base/log.ts';
import { silentLogger } from '../base/log.ts';
import { writeAacConfig } from '../media/aac/params.ts';
import type { Sample } from '../media/sample/sample.ts';
import type { AacTrack, LpcmTrack, OpusTrack, Track } from '../media/sample/track.ts';
import { type Reader, Stream } from '../stream/stream.ts';
import { type EngineHost, type StartEngine, startInLoop, startWorker } from './engine-host.ts';
import { OpusTranscoder } from './opus-transcoder.ts';
import { Transcoder } from './transcoder.ts';
import { WorkerSupervisor } from './worker-supervisor.ts';

const WALL = 1_700_000_000_000;
const pcm = (clockRate: number, channels: number): LpcmTrack => ({
  kind: 'audio',
  codec: 'lpcm',
  clockRate,
  bitDepth: 16,
  channels,
});
const aac = (clockRate: number): AacTrack => ({
  kind: 'audio',
  codec: 'aac',
  clockRate,
  channels: 1,
  frameSamples: 1024,
  config: writeAacConfig(clockRate, 1) ?? new Uint8Array(),
});
const opus = (channels: number): OpusTrack => ({ kind: 'audio', codec: 'opus', clockRate: 48_000, channels });

class Listener implements Reader {
  readonly id = 'listener';
  readonly samples: Sample[] = [];
  readonly described: Track[] = [];
  ends = 0;
  onSample(track: number, sample: Sample): void {
    if (track === 0) {
      this.samples.push(sample);
    }
  }
  onTrack(_: number, track: Track): void {
    this.described.push(track);
  }
  onEnd(): void {
    this.ends += 1;
  }
}

const running: Transcoder[] = [];
afterEach(() => {
  for (const transcoder of running.splice(0)) {
    transcoder.close();
  }
});

function setup(start: StartEngine = startInLoop, log: Logger = silentLogger) {
  const clock = new FakeClock();
  const transcoder = new Transcoder(start, clock, log);
  running.push(transcoder);
  return { clock, transcoder };
}

/** The engine runs between the polls. */
async function until(is: () => boolean): Promise<void> {
  while (!is()) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Waits for the batch written in one turn, then for the pacer to release its frames. */
async function play(clock: FakeClock, { samples }: Listener): Promise<void> {
  const before = samples.length;
  await until(() => samples.length > before);
  await clock.advance(1_500);
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const sampleOf = (data: Uint8Array, pts: number, clockRate: number): Sample => ({
  pts,
  dts: pts,
  wall: WALL + (pts * 1000) / clockRate,
  key: true,
  data,
});

/** A tone on all channels, big-endian, in packets of 20 ms. */
function* tone(rateHz: number, channels: number, toneHz: number, packets: number): Generator<Sample> {
  const samples = rateHz / 50;
  for (let packet = 0; packet < packets; packet += 1) {
    const data = new Uint8Array(2 * samples * channels);
    const view = new DataView(data.buffer);
    for (let i = 0; i < samples * channels; i += 1) {
      const at = packet * samples + Math.floor(i / channels);
      view.setInt16(2 * i, Math.round(8000 * Math.sin((2 * Math.PI * toneHz * at) / rateHz)));
    }
    yield sampleOf(data, 1000 + packet * samples, rateHz);
  }
}

/** Counts zero crossings. */
function frequencyOf(values: ArrayLike<number>, rateHz: number): number {
  let crossings = 0;
  for (let i = 1; i < values.length; i += 1) {
    crossings += (values[i - 1] ?? 0) < 0 && (values[i] ?? 0) >= 0 ? 1 : 0;
  }
  return (crossings * rateHz) / values.length;
}

async function decoded(samples: readonly Sample[]): Promise<Int16Array> {
  using decoder = await createDecoder({ channels: 1 });
  const frames = samples.map(({ data }) => decoder.decode(data));
  return Int16Array.from(frames.flatMap((frame) => [...frame]));
}

test.for<readonly [string, AacTrack | LpcmTrack, readonly number[]]>([
  ['AAC of 48 kHz', aac(48_000), [1024]],
  ['AAC of 44.1 kHz', aac(44_100), [1024]],
  ['LPCM of 8 kHz in packets of 20 ms', pcm(8_000, 1), [160]],
  ['LPCM of 16 kHz in packets of 40 ms', pcm(16_000, 1), [640]],
  ['LPCM of 16 kHz, cut in uneven parts', pcm(16_000, 1), [512, 128]],
  ['LPCM of 48 kHz, cut in uneven parts', pcm(48_000, 1), [512, 218, 512, 1, 0, 700]],
  ['LPCM of 44.1 kHz, cut in uneven parts', pcm(44_100, 1), [512, 218, 0, 1]],
])('no frame waits for more sound than it needs: %s, with jitter, drift and gaps', async ([, track, lengths]) => {
  const packetTicks = 2880;
  const clock = new FakeClock();
  const supervisor = new WorkerSupervisor(startInLoop, clock, silentLogger);
  onTestFinished(() => supervisor.close());
  let [arrived, complete] = [0, 0];
  const direct = await OpusTranscoder.create(track, packetTicks, () => {
    complete += 1;
  });
  onTestFinished(() => direct.free());
  const job = supervisor.open('opus', track, packetTicks, () => {
    arrived += 1;
  });
  const next = random(5);
  const frames = new AacFrames(track.clockRate, next);
  let pts = 0;
  let late = 0;
  for (let i = 0; i < 600; i += 1) {
    const length = lengths[i % lengths.length] ?? 0;
    const data = track.codec === 'aac' ? frames.frame(1) : new Uint8Array(2 * length);
    const sample = sampleOf(data, Math.round(pts + next() * 0.004 * track.clockRate), track.clockRate);
    await clock.advance((length * 1000) / track.clockRate);
    direct.push(sample.data, sample.pts, sample.wall);
    job.push(sample);
    await (i === 0 ? supervisor.settled() : turns(4));
    late += complete - arrived;
    pts += length * 1.005;
    if (next() < 0.01) {
      pts += 2 * next() * track.clockRate;
    }
  }
  expect(late).toBe(0);
  expect(complete).toBeGreaterThan(50);
});

test.for([
  ['8 kHz', 8_000, 1, 20],
  ['16 kHz in the worker', 16_000, 1, 20],
  ['44.1 kHz stereo', 44_100, 2, 60],
  ['48 kHz stereo', 48_000, 2, 20],
  ['48 kHz', 48_000, 1, 60],
] as const)(
  'LPCM of %s becomes Opus with the same tone, timestamps and wall clock',
  async ([name, rateHz, channels, packetMs]) => {
    const { clock, transcoder } = setup(name.includes('worker') ? startWorker : startInLoop);
    const stream = new Stream([tinyH264, pcm(rateHz, channels)]);
    const sound = transcoder.opus.of(stream, 1, packetMs);
    expect(sound.tracks).toEqual([opus(channels)]);
    const listener = new Listener();
    sound.addReader(listener, true);
    const packets = [...tone(rateHz, channels, 440, 100)];
    for (const half of [packets.slice(0, 50), packets.slice(50)]) {
      for (const packet of half) {
        stream.write(1, packet);
      }
      await play(clock, listener);
    }
    // The resampler's delay is in the packet that is not full yet.
    expect(listener.samples.length).toBeGreaterThanOrEqual(Math.floor(1_980 / packetMs));
    // Frames of 20 ms each (RFC 6716 §3.2.5): one, or three with code 3.
    const frames = listener.samples.map(({ data }) => ((data[0] ?? 0) % 4 === 3 ? (data[1] ?? 0) & 0x3f : 1));
    expect(new Set(frames)).toEqual(new Set([packetMs / 20]));
    const first = listener.samples[0] as Sample;
    expect(Math.abs(first.pts - (1000 * 48_000) / rateHz)).toBeLessThan(2);
    expect(listener.samples.map(({ pts }) => pts)).toEqual(
      listener.samples.map((_, i) => first.pts + 48 * packetMs * i),
    );
    expect(listener.samples.every(({ pts, wall }) => Math.abs(wall - WALL - pts / 48) < 1)).toBe(true);
    const values = await decoded(listener.samples);
    expect(Math.abs(frequencyOf(values.subarray(9600), 48_000) - 440)).toBeLessThan(2);
    expect(Math.max(...values.subarray(9600))).toBeGreaterThan(7000);
  },
);

test('no damage in AAC stops the audio or makes its timestamps irregular', async () => {
  const logged: unknown[] = [];
  const log = { ...silentLogger, warn: (...what: unknown[]) => logged.push(what) } as unknown as Logger;
  const { clock, transcoder } = setup(startInLoop, log);
  const next = random(77);
  const frames = new AacFrames(16_000, next);
  const stream = new Stream([aac(16_000)]);
  const listener = new Listener();
  transcoder.opus.of(stream, 0, 20).addReader(listener, false);
  for (let i = 0; i < 600; i += 1) {
    const frame = frames.frame(1);
    stream.write(0, sampleOf(next() < 0.3 ? mutate(frame, next) : frame, i * 1024, 16_000));
    if (i % 20 === 19) {
      await play(clock, listener);
    }
  }
  expect(listener.samples).toHaveLength(600 * 3.2);
  expect(listener.samples.map(({ pts }) => pts)).toEqual(listener.samples.map((_, i) => 960 * i));
  expect(logged).toEqual([]);
});

test.for([1, 2])('Opus of %d channels becomes FLAC with the same tone and timestamps', async (channels) => {
  const { transcoder } = setup();
  const stream = new Stream([opus(channels), tinyH264]);
  const derived = transcoder.of(stream, 'flac');
  const [flac, picture] = derived.tracks;
  expect(picture).toBe(tinyH264);
  const rateHz = flac?.clockRate ?? 0;
  const listener = new Listener();
  derived.addReader(listener, true);
  using encoder = await createEncoder({ channels: channels === 1 ? 1 : 2 });
  for (let i = 0; i < 100; i += 1) {
    const at = (n: number): number => i * 960 + Math.floor(n / channels);
    const block = Int16Array.from(
      { length: 960 * channels },
      (_, n) => 8000 * Math.sin((2 * Math.PI * 440 * at(n)) / 48_000),
    );
    // Every tenth packet is not Opus.
    stream.write(0, sampleOf(i % 10 === 9 ? Uint8Array.of(3) : encoder.encode(block), 4800 + i * 960, 48_000));
  }
  // A gap is filled when the next packet arrives, so the end may be a few frames short.
  await until(() => listener.samples.length >= 97);
  const step = rateHz / 50;
  expect(listener.samples.map(({ pts }) => pts)).toEqual(listener.samples.map((_, i) => rateHz / 10 + step * i));
  const frames = listener.samples.slice(2, 8).map(({ data }) => decodeFlacFrame(data));
  expect(frames.every((frame) => frame.channels === channels)).toBe(true);
  const left = frames.flatMap(({ pcm }) => pcm.filter((_, i) => i % channels === 0));
  expect(Math.abs(frequencyOf(left, rateHz) - 440)).toBeLessThan(10);
});

test('a stream without Opus is returned as it is; all callers get one derived stream', () => {
  const { transcoder } = setup();
  const plain = new Stream([tinyH264, aac(8000)]);
  expect(transcoder.of(plain, 'flac')).toBe(plain);
  const stream = new Stream([opus(2)]);
  expect(transcoder.of(stream, 'flac')).toBe(transcoder.of(stream, 'flac'));
  expect(transcoder.opus.of(plain, 1, 20)).toBe(transcoder.opus.of(plain, 1, 20));
  expect(transcoder.opus.of(plain, 1, 20)).not.toBe(transcoder.opus.of(plain, 1, 60));
});

test('a reader that awaits open gets the audio of the GOP together with its video', async () => {
  const { transcoder } = setup();
  const stream = new Stream([opus(1), tinyH264]);
  using encoder = await createEncoder({ channels: 1 });
  const [key] = tinyVideo(1, 25, 25);
  stream.write(1, key as Sample);
  for (let i = 0; i < 50; i += 1) {
    stream.write(0, sampleOf(encoder.encode(new Int16Array(960)), i * 960, 48_000));
  }
  for (const opening of [transcoder.open(stream, 'flac'), transcoder.open(stream, 'flac')]) {
    const late = new Listener();
    (await opening).addReader(late, true);
    expect(late.samples.length).toBeGreaterThanOrEqual(49);
  }
});

test('a derived stream follows its source: it reads only while it has readers, updates its tracks and ends with it', async () => {
  const { transcoder } = setup();
  const stream = new Stream([aac(16_000)]);
  const sound = transcoder.opus.of(stream, 0, 20);
  const [first, second] = [new Listener(), new Listener()];
  sound.addReader(first, false);
  sound.addReader(second, false);
  expect(stream.readers).toHaveLength(1);
  stream.setTrack(0, aac(48_000));
  // A track that becomes untranscodable is silent until it is transcodable again.
  stream.setTrack(0, { ...aac(48_000), config: Uint8Array.of(0x2b, 0x8a, 0x08, 0x00) });
  stream.write(0, sampleOf(new Uint8Array(40), 0, 48_000));
  expect(first.described).toHaveLength(1);
  sound.removeReader(first);
  stream.close();
  expect([first.ends, second.ends]).toEqual([0, 1]);
});

test('a worker that dies is restarted: one warning, a short silence, and the audio continues', async () => {
  const logged: unknown[] = [];
  const log = { ...silentLogger, warn: (...what: unknown[]) => logged.push(what) } as unknown as Logger;
  const hosts: EngineHost[] = [];
  const start: StartEngine = (events) => {
    const host = startWorker(events);
    hosts.push(host);
    return host;
  };
  const { clock, transcoder } = setup(start, log);
  const stream = new Stream([pcm(16_000, 1)]);
  const listener = new Listener();
  transcoder.opus.of(stream, 0, 20).addReader(listener, false);
  const packets = [...tone(16_000, 1, 440, 150)];
  const write = (from: number, to: number): void => {
    for (const packet of packets.slice(from, to)) {
      stream.write(0, packet);
    }
  };
  write(0, 50);
  await play(clock, listener);
  // null is not a message: the engine throws.
  hosts[0]?.post(null as never);
  await until(() => !transcoder.isRunning);
  write(50, 100);
  await clock.advance(2000);
  write(100, 150);
  await play(clock, listener);
  expect(listener.samples).toHaveLength(100);
  expect(hosts).toHaveLength(2);
  expect(logged).toMatchObject([[{ pauseMs: 1000 }, 'audio transcoding failed, restarting']]);
  expect(listener.samples.every(({ pts }, i) => i === 0 || pts >= (listener.samples[i - 1]?.pts ?? 0) + 960)).toBe(
    true,
  );
});

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { type PlainTrack, plainMp4 } from '../../../test/support/media/plain-mp4.ts';
import { tinyH264, tinyVideo } from '../../../test/support/media/tiny-h264.ts';
import { writeFragment } from '../../../test/support/media/write-fragment.ts';
import { PerchError } from '../../base/errors.ts';
import { writeAacConfig } from '../../media/aac/params.ts';
import { writeInit } from '../../media/mp4/write/init.ts';
import type { AacTrack } from '../../media/sample/track.ts';
import { type Clip, openClip } from './clip.ts';
import { ClipPlayer } from './clip-player.ts';

const AAC: AacTrack = {
  kind: 'audio',
  codec: 'aac',
  clockRate: 8_000,
  channels: 1,
  frameSamples: 1_024,
  config: writeAacConfig(8_000, 1) as Uint8Array,
};

/** Ten pictures a second in a time scale of 1,000, a key picture each half second. */
const video = (count: number, change: Partial<PlainTrack> = {}): PlainTrack => ({
  track: tinyH264,
  timescale: 1_000,
  samples: tinyVideo(count, 10, 5).map(({ data, key }) => ({ data, isKey: key, ticks: 100 })),
  ...change,
});

const audio = (count: number, change: Partial<PlainTrack> = {}): PlainTrack => ({
  track: AAC,
  timescale: 8_000,
  samples: Array.from({ length: count }, (_, i) => ({ data: Uint8Array.of(i, 1, 2), isKey: true, ticks: 1_024 })),
  ...change,
});

function fileOf(bytes: Uint8Array): string {
  const folder = mkdtempSync(join(tmpdir(), 'perch-clip-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'clip.mp4');
  writeFileSync(path, bytes);
  return path;
}

async function opened(bytes: Uint8Array): Promise<Clip> {
  const clip = await openClip(fileOf(bytes));
  onTestFinished(() => clip.handle.close());
  return clip;
}

interface Heard {
  readonly dts: number;
  readonly pts: number;
  readonly isKey: boolean;
  readonly data: string;
}

/** Plays `count` samples of each track; times are milliseconds from the start. */
async function played(path: string, count: number, onChanged = () => {}) {
  const player = new ClipPlayer(await openClip(path), path, { onChanged, onFailed: expect.unreachable });
  onTestFinished(() => player.close());
  player.start();
  const heard: Heard[][] = player.tracks.map(() => []);
  const ends = player.tracks.map(({ leadTicks }) => leadTicks);
  const take = () => {
    for (const [i, media] of player.tracks.entries()) {
      const list = heard[i] as Heard[];
      const sample = list.length < count ? media.next() : undefined;
      const end = ends[i] as number;
      if (sample) {
        const ms = (ticks: number) => Math.round((ticks * 1_000) / media.track.clockRate);
        const data = Buffer.from(sample.data).toString('hex');
        list.push({ dts: ms(end), pts: ms(end + (sample.ptsOffset ?? 0)), isKey: sample.isKey, data });
        ends[i] = end + sample.ticks;
      }
    }
    return heard.every(({ length }) => length === count);
  };
  await expect.poll(take, { interval: 1, timeout: 5_000 }).toBe(true);
  return { heard, player };
}

test.for(['plain', 'fragmented'] as const)('the index of a %s file has every sample with its time', async (kind) => {
  const pictures = tinyVideo(20, 10, 5);
  const fragments = [0, 1].map((second) => {
    const samples = pictures.slice(10 * second, 10 * second + 10);
    const run = { track: 0, baseTime: 90_000 * second, samples, endDts: 90_000 * (second + 1) };
    return Buffer.concat(writeFragment(second, [run]));
  });
  const fragmented = Buffer.concat([writeInit([tinyH264]), ...fragments]);
  const { tracks, lengthMs, handle } = await opened(kind === 'plain' ? plainMp4([video(20)]) : fragmented);
  expect(tracks).toHaveLength(1);
  const [{ track, samples, timescale, leadMs } = {}] = tracks as [Clip['tracks'][number]];
  expect(track).toMatchObject({ codec: 'h264', width: tinyH264.width });
  expect([samples?.count, leadMs, lengthMs]).toEqual([20, 0, 2_000]);
  for (const [i, { data, key }] of pictures.entries()) {
    const bytes = Buffer.alloc(data.length);
    await handle.read(bytes, 0, bytes.length, samples?.offsets[i] ?? 0);
    const time = (1_000 * (samples?.times[i] ?? 0)) / (timescale ?? 1);
    expect([time, samples?.keys[i], bytes.toString('hex')]).toEqual([
      100 * i,
      key ? 1 : 0,
      Buffer.from(data).toString('hex'),
    ]);
  }
});

test('a clip is played in a loop; its tracks stay together', async () => {
  const path = fileOf(plainMp4([video(10), audio(7)]));
  const { heard } = await played(path, 30);
  const [pictures, sound] = heard as [Heard[], Heard[]];
  // Seven frames of AAC last 896 ms, ten pictures 1,000.
  expect(pictures.map(({ dts }) => dts)).toEqual(pictures.map((_, i) => 100 * i));
  expect(pictures.filter(({ isKey }) => isKey).map(({ dts }) => dts)).toEqual([0, 500, 1_000, 1_500, 2_000, 2_500]);
  expect(sound.slice(0, 9).map(({ dts }) => dts)).toEqual([0, 128, 256, 384, 512, 640, 768, 1_000, 1_128]);
  expect(sound.map(({ data }) => data)).toEqual(sound.map((_, i) => `0${i % 7}0102`));
});

test('reordered pictures keep their presentation times, and none is shown before it is decoded', async () => {
  const offsets = [0, 200, -100, -100, 0];
  const samples = video(5).samples.map((sample, i) => ({ ...sample, offset: offsets[i] ?? 0 }));
  const { heard } = await played(fileOf(plainMp4([video(5, { samples })])), 5);
  expect(heard[0]?.map(({ dts, pts }) => [dts, pts])).toEqual([
    [0, 100],
    [100, 400],
    [200, 200],
    [300, 300],
    [400, 500],
  ]);
});

test('an edit list moves tracks against each other: as ffmpeg writes it for B-frames and the delay of AAC', async () => {
  const samples = video(10).samples.map((sample) => ({ ...sample, offset: 200 }));
  const edited = plainMp4([video(10, { samples, edits: [[1_000, 200]] }), audio(9, { edits: [[1_024, 1_024]] })]);
  const { heard } = await played(fileOf(edited), 3);
  // The first picture is shown when the second frame of audio begins; the first one precedes the edit.
  expect(heard[0]?.map(({ pts }) => pts)).toEqual([200, 300, 400]);
  expect(heard[1]?.map(({ dts, data }) => [dts, data])).toEqual([
    [200, '010102'],
    [328, '020102'],
    [456, '030102'],
  ]);
});

test('of a cut recording what its edit list presents is played, from the key picture before it', async () => {
  const cut = plainMp4([video(20, { edits: [[400, 700]] })]);
  const { heard } = await played(fileOf(cut), 7);
  expect(heard[0]?.map(({ dts, isKey }) => [dts, isKey])).toEqual(
    [0, 100, 200, 300, 400, 500, 600].map((dts) => [dts, dts === 0 || dts === 500 || dts === 600]),
  );
});

test('an empty edit delays its track', async () => {
  const edits = [
    [300, -1],
    [500, 0],
  ] as const;
  const { tracks } = await opened(plainMp4([video(10), audio(4, { edits })]));
  expect(tracks.map(({ leadMs }) => leadMs)).toEqual([0, 300]);
});

test('a file that is gone is played on, one with another content ends the player', async () => {
  const path = fileOf(plainMp4([video(3)]));
  let changes = 0;
  const { player } = await played(path, 10, () => {
    changes += 1;
  });
  rmSync(path);
  const next = () => player.tracks[0]?.next() !== undefined;
  await expect.poll(next, { interval: 1 }).toBe(true);
  expect(changes).toBe(0);
  writeFileSync(path, plainMp4([video(4)]));
  await expect.poll(() => next() || changes, { interval: 1 }).toBe(1);
});

test.for([
  ['an empty file', new Uint8Array(0), "without 'moov'"],
  ['a text', Buffer.from('{"not": "an MP4 file"}'), "does not begin with 'ftyp'"],
  ['a file whose end is missing', plainMp4([video(10)]).subarray(0, 5_000), "without 'moov'"],
  [
    'a file of audio that cannot be played',
    plainMp4([audio(3, { samples: [] })]),
    'without samples that can be played',
  ],
  [
    'pictures without a key',
    plainMp4([video(5, { samples: video(5).samples.map((sample) => ({ ...sample, isKey: false })) })]),
    'no key sample',
  ],
] as const)('%s is rejected with the reason', async ([, bytes, reason]) => {
  await expect(opened(bytes)).rejects.toThrow(reason);
});

test('a pipe into which no program writes is rejected at once', async () => {
  const path = fileOf(new Uint8Array());
  rmSync(path);
  execFileSync('mkfifo', [path]);
  await expect(openClip(path)).rejects.toThrow('not a regular file');
});

test('a disk that fails while the file is closed ends nothing', async () => {
  const path = fileOf(plainMp4([video(3)]));
  const clip = await openClip(path);
  onTestFinished(() => clip.handle.close());
  const closed = Promise.withResolvers<void>();
  const close = () => {
    closed.resolve();
    return Promise.reject(new Error('EIO'));
  };
  const unhandled: unknown[] = [];
  const keep = (error: unknown) => unhandled.push(error);
  process.on('unhandledRejection', keep);
  onTestFinished(() => void process.off('unhandledRejection', keep));
  const handle = Object.create(clip.handle, { close: { value: close } });
  new ClipPlayer({ ...clip, handle }, path, { onChanged: () => {}, onFailed: () => {} }).close();
  await closed.promise;
  await new Promise(setImmediate);
  expect(unhandled).toEqual([]);
});

test('a sample outside the file is rejected', async () => {
  const bytes = Buffer.from(plainMp4([video(5)]));
  bytes.writeUInt32BE(0x7fffffff, bytes.indexOf('stco') + 12);
  await expect(opened(bytes)).rejects.toThrow(/lies outside the file of \d+ bytes/);
});

test('damaged files are rejected by an error with a reason, or played', async () => {
  const next = random(27);
  const good = plainMp4([video(6, { edits: [[500, 100]] }), audio(5)]);
  const path = fileOf(good);
  // The header is what is read: damage in the pictures would be found by their decoder only.
  const moov = Buffer.from(good).indexOf('moov') - 4;
  let rejected = 0;
  for (let round = 0; round < 400; round += 1) {
    writeFileSync(path, Buffer.concat([good.subarray(0, moov), mutate(good.subarray(moov), next)]));
    try {
      const { handle, tracks, lengthMs } = await openClip(path);
      await handle.close();
      expect(tracks.length).toBeGreaterThan(0);
      expect(lengthMs).toBeGreaterThan(0);
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
      rejected += 1;
    }
  }
  expect(rejected).toBeGreaterThan(40);
});

import { expect, test } from 'vitest';
import type { Sample } from '../media/sample/sample.ts';
import type { G711Track, H264Track, Track } from '../media/sample/track.ts';
import { PICTURES, type Reader, Stream } from './stream.ts';

const video: H264Track = {
  kind: 'video',
  codec: 'h264',
  clockRate: 90_000,
  width: 640,
  height: 360,
  fps: undefined,
  sps: new Uint8Array([0x67]),
  pps: [new Uint8Array([0x68])],
};
const audio: G711Track = { kind: 'audio', codec: 'g711', law: 'a', clockRate: 8000, channels: 1 };

const sample = (pts: number, key: boolean, bytes = 10): Sample => ({
  pts,
  dts: pts,
  wall: pts,
  key,
  data: new Uint8Array(bytes),
});

class Recording implements Reader {
  readonly id = 'recording';
  readonly seen: string[] = [];
  readonly ends: unknown[] = [];
  onSample(track: number, { pts, key }: Sample): void {
    this.seen.push(`${track}:${pts}${key ? 'k' : ''}`);
  }
  onTrack(track: number, description: Track): void {
    this.seen.push(`track ${track} ${description.codec}`);
  }
  onEnd(cause?: unknown): void {
    this.ends.push(cause);
  }
}

test('a reader that joins in the middle of a group starts with its key sample and all that followed on every track', () => {
  const stream = new Stream([video, audio]);
  stream.write(1, sample(0, true));
  stream.write(0, sample(0, false));
  stream.write(0, sample(100, true));
  stream.write(1, sample(10, true));
  stream.write(0, sample(200, false));
  const reader = new Recording();
  stream.addReader(reader, true);
  stream.write(0, sample(300, false));
  expect(reader.seen).toEqual(['0:100k', '1:10k', '0:200', '0:300']);
});

test('viewers get key frames only, or no pictures, until the next key frame after it; files get everything', () => {
  const stream = new Stream([video, audio]);
  const viewer = Object.assign(new Recording(), { mayLosePictures: true });
  const recorder = new Recording();
  stream.addReader(viewer, false);
  stream.addReader(recorder, false);
  const write = (from: number, keys: readonly number[] = []) => {
    for (let pts = from; pts < from + 4; pts += 1) {
      stream.write(0, sample(pts, keys.includes(pts)));
      stream.write(1, sample(pts, true));
    }
  };
  write(0, [0]);
  stream.sparing.pictures = PICTURES.keyFrames;
  write(4, [6]);
  stream.sparing.pictures = PICTURES.none;
  write(8, [10]);
  stream.sparing.pictures = PICTURES.keyFrames;
  write(12, [14]);
  stream.sparing.pictures = PICTURES.all;
  write(16, [18]);
  const pictures = (reader: Recording) => reader.seen.filter((one) => one.startsWith('0:')).join(' ');
  expect(pictures(viewer)).toBe('0:0k 0:1 0:2 0:3 0:6k 0:14k 0:18k 0:19');
  expect(viewer.seen.filter((one) => one.startsWith('1:'))).toHaveLength(20);
  expect(recorder.seen).toHaveLength(40);
});

test('a reader without replay gets only later samples', () => {
  const stream = new Stream([video]);
  stream.write(0, sample(0, true));
  const reader = new Recording();
  stream.addReader(reader, false);
  stream.write(0, sample(100, false));
  expect(reader.seen).toEqual(['0:100']);
});

test('a group larger than the limit is not kept, and the next one is', () => {
  const stream = new Stream([video], { gopCacheBytes: 100 });
  stream.write(0, sample(0, true, 60));
  stream.write(0, sample(100, false, 60));
  stream.write(0, sample(200, false, 10));
  const late = new Recording();
  stream.addReader(late, true);
  expect(late.seen).toEqual([]);
  stream.write(0, sample(300, true, 60));
  const later = new Recording();
  stream.addReader(later, true);
  expect(later.seen).toEqual(['0:300k']);
});

test('a group of countless small samples is not kept either', () => {
  const stream = new Stream([video]);
  stream.write(0, sample(0, true));
  for (let i = 1; i <= 20_000; i += 1) {
    stream.write(0, sample(i, false, 1));
  }
  const late = new Recording();
  stream.addReader(late, true);
  expect(late.seen).toEqual([]);
});

test('a reader that throws is removed with its cause, and the others lose nothing', () => {
  const stream = new Stream([video]);
  const broken = new Recording();
  broken.onSample = () => {
    throw new Error('broken');
  };
  const sound = new Recording();
  stream.addReader(broken, true);
  stream.addReader(sound, true);
  stream.write(0, sample(0, true));
  stream.write(0, sample(100, false));
  expect(sound.seen).toEqual(['0:0k', '0:100']);
  expect(broken.ends).toEqual([new Error('broken')]);
  expect(stream.readers).toEqual([sound]);
});

test('a reader that throws during its replay is removed with the cause, and the caller continues', () => {
  const stream = new Stream([video]);
  stream.write(0, sample(0, true));
  const broken = new Recording();
  broken.onSample = () => {
    throw new Error('broken');
  };
  stream.addReader(broken, true);
  expect(broken.ends).toEqual([new Error('broken')]);
  expect(stream.readers).toEqual([]);
});

test('readers that leave and join during a delivery do not disturb it', () => {
  const stream = new Stream([video]);
  const next = new Recording();
  const leaving = new Recording();
  leaving.onSample = () => {
    stream.removeReader(leaving);
    stream.addReader(next, false);
  };
  const last = new Recording();
  stream.addReader(leaving, false);
  stream.addReader(last, false);
  stream.write(0, sample(0, true));
  stream.write(0, sample(100, false));
  expect(last.seen).toEqual(['0:0k', '0:100']);
  expect(next.seen).toEqual(['0:100']);
});

test('new parameter sets reach every reader before the key sample, and older samples are not replayed', () => {
  const stream = new Stream([video]);
  stream.write(0, sample(0, true));
  const reader = new Recording();
  stream.addReader(reader, false);
  stream.setTrack(0, { ...video, width: 1920, height: 1080 });
  const late = new Recording();
  stream.addReader(late, true);
  stream.write(0, sample(100, true));
  expect(reader.seen).toEqual(['track 0 h264', '0:100k']);
  expect(late.seen).toEqual(['0:100k']);
  expect(stream.tracks[0]).toMatchObject({ width: 1920 });
});

test('a closed stream ends its readers once, and later readers at once', () => {
  const stream = new Stream([video]);
  const reader = new Recording();
  stream.addReader(reader, true);
  stream.close();
  stream.close();
  const late = new Recording();
  stream.addReader(late, true);
  expect(reader.ends).toEqual([undefined]);
  expect(late.ends).toEqual([undefined]);
});

test('received bytes are counted', () => {
  const stream = new Stream([audio]);
  stream.write(0, sample(0, true, 160));
  stream.write(0, sample(160, true, 160));
  stream.countSent(7);
  expect([stream.bytesReceived, stream.bytesSent]).toEqual([320, 7]);
});

const ordered = (pts: number, dts: number, key = false): Sample => ({ ...sample(pts, key), dts });

test.for([
  ['nothing is known of one picture', [ordered(0, 0, true)], undefined],
  ['a second one that is decoded as it is shown', [ordered(0, 0, true), ordered(1, 1)], false],
  ['key pictures alone', [ordered(0, 0, true), ordered(1, 1, true)], false],
  ['a picture that others precede', [ordered(0, 0, true), ordered(3, 1)], true],
  ['a B-frame after it changes nothing', [ordered(0, 0, true), ordered(3, 1), ordered(2, 2)], true],
  ['the next key picture is decoded early, too', [ordered(3, 1), ordered(2, 2), ordered(5, 3, true)], true],
  [
    'a key picture that is not: the camera has switched them off',
    [ordered(3, 1), ordered(2, 2), ordered(5, 5, true)],
    false,
  ],
] as const)('whether pictures are reordered: %s', ([, samples, expected]) => {
  const stream = new Stream([audio, video]);
  for (const one of samples) {
    stream.write(0, sample(one.dts, true));
    stream.write(1, one);
  }
  expect(stream.hasBFrames(1)).toBe(expected);
  expect(stream.hasBFrames(-1)).toBeUndefined();
});

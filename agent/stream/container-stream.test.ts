import { expect, test } from 'vitest';
import { decodeFlacFrame } from '../../test/support/media/flac-decoder.ts';
import { HLS_SESSION } from '../../test/support/media/reader.ts';
import { tinyH264, tinyVideo } from '../../test/support/media/tiny-h264.ts';
import { G722Decoder } from '../media/g722/decode.ts';
import type { Sample } from '../media/sample/sample.ts';
import type { G711Track, LpcmTrack, OpusTrack, Track } from '../media/sample/track.ts';
import { containerStream, leftOutLabels } from './container-stream.ts';
import { type Reader, Stream } from './stream.ts';

const g711: G711Track = { kind: 'audio', codec: 'g711', law: 'mu', clockRate: 8000, channels: 1 };
const opus: OpusTrack = { kind: 'audio', codec: 'opus', clockRate: 48_000, channels: 1 };

const lpcm: LpcmTrack = { kind: 'audio', codec: 'lpcm', clockRate: 48_000, bitDepth: 16, channels: 2 };
const g722: Track = { kind: 'audio', codec: 'g722', clockRate: 8000, channels: 1 };
const multiplex: Track = { kind: 'multiplex', codec: 'mpeg-ts', clockRate: 90_000 };

class Recording implements Reader {
  readonly id = 'recording';
  readonly samples: { track: number; sample: Sample }[] = [];
  readonly tracks: Track[] = [];
  readonly jumps: number[] = [];
  ends = 0;
  onSample(track: number, sample: Sample): void {
    this.samples.push({ track, sample });
  }
  onTrack(_: number, description: Track): void {
    this.tracks.push(description);
  }
  onDiscontinuity(track: number): void {
    this.jumps.push(track);
  }
  onEnd(): void {
    this.ends += 1;
  }
  of(track: number): Sample[] {
    return this.samples.filter((entry) => entry.track === track).map((entry) => entry.sample);
  }
}

const sound = (pts: number): Sample => ({ pts, dts: pts, wall: pts / 8, key: true, data: new Uint8Array(320) });

test('a stream that MP4 can hold is its own container stream', () => {
  const stream = new Stream([tinyH264, opus]);
  expect(containerStream(stream)).toBe(stream);
});

test('all callers get one derived stream, in which G.711 is FLAC', () => {
  const stream = new Stream([tinyH264, g711]);
  expect(containerStream(stream)).toBe(containerStream(stream));
  expect(containerStream(stream).tracks.map((track) => track.codec)).toEqual(['h264', 'flac']);
});

test('video passes as the same objects, audio as FLAC frames of the same time', () => {
  const stream = new Stream([tinyH264, g711]);
  const reader = new Recording();
  containerStream(stream).addReader(reader, false);
  const [picture] = tinyVideo(1, 25, 25);
  stream.write(0, picture as Sample);
  stream.write(1, sound(800));
  expect(reader.of(0)[0]).toBe(picture);
  expect(reader.of(1)[0]).toMatchObject({ pts: 800, dts: 800, wall: 100 });
  expect(decodeFlacFrame((reader.of(1)[0] as Sample).data).pcm).toEqual(new Array(320).fill(-32_124));
});

test('a reader that joins later starts at the last key picture, with its audio', () => {
  const stream = new Stream([tinyH264, g711]);
  for (const picture of tinyVideo(10, 25, 5)) {
    stream.write(0, picture);
    stream.write(1, sound((picture.pts * 8) / 90));
  }
  const [first, second] = [new Recording(), new Recording()];
  containerStream(stream).addReader(first, true);
  containerStream(stream).addReader(second, true);
  for (const reader of [first, second]) {
    expect(reader.of(0).map((picture) => picture.key)).toEqual([true, false, false, false, false]);
    expect(reader.of(1).map((frame) => frame.pts)).toEqual([1600, 1920, 2240, 2560, 2880]);
  }
});

test('it reads its original only while it is read, and keeps nothing old', () => {
  const stream = new Stream([tinyH264, g711]);
  const reader = new Recording();
  containerStream(stream).addReader(reader, true);
  expect(stream.readers.map(({ kind }) => kind)).toEqual([undefined]);
  const pictures = tinyVideo(4, 25, 2);
  stream.write(0, pictures[0] as Sample);
  containerStream(stream).removeReader(reader);
  expect(stream.readers).toEqual([]);
  stream.setTrack(0, { ...tinyH264, fps: 25 });
  const again = new Recording();
  containerStream(stream).addReader(again, true);
  expect(again.samples).toEqual([]);
  expect(containerStream(stream).tracks[0]).toMatchObject({ fps: 25 });
  stream.write(0, pictures[2] as Sample);
  expect(again.of(0)).toEqual([pictures[2]]);
});

test('new parameter sets and the end are passed on; bytes sent count on the original', () => {
  const stream = new Stream([tinyH264, g711]);
  const reader = new Recording();
  containerStream(stream).addReader(reader, false);
  containerStream(stream).countSent(70);
  stream.setTrack(0, { ...tinyH264, fps: 30 });
  stream.setTrack(1, { ...g711, clockRate: 16_000 });
  expect(stream.bytesSent).toBe(70);
  expect(reader.tracks).toMatchObject([{ fps: 30 }, { codec: 'flac', frameSamples: 640 }]);
  stream.close();
  expect(reader.ends).toBe(1);
  const late = new Recording();
  containerStream(stream).addReader(late, true);
  expect(late.ends).toBe(1);
});

test('LPCM becomes FLAC, and tracks that MP4 cannot carry are omitted and named', () => {
  const surround: Track = { ...lpcm, channels: 6 };
  const stream = new Stream([surround, lpcm, tinyH264, multiplex]);
  const stored = containerStream(stream);
  expect(stored.tracks.map((track) => track.codec)).toEqual(['flac', 'h264']);
  expect(leftOutLabels(stream)).toEqual(['LPCM with 6 channels', 'MPEG-TS']);
  const reader = new Recording();
  stored.addReader(reader, false);
  const [picture] = tinyVideo(1, 25, 25);
  stream.write(0, sound(0));
  stream.write(2, picture as Sample);
  stream.write(3, sound(0));
  stream.write(1, { ...sound(4800), data: new Uint8Array(1920 * 4).fill(1) });
  stream.setTrack(2, { ...tinyH264, fps: 10 });
  stream.setTrack(0, { ...surround, channels: 5 });
  expect(reader.samples.map(({ track, sample }) => [track, sample.pts])).toEqual([
    [1, (picture as Sample).pts],
    [0, 4800],
  ]);
  expect(decodeFlacFrame((reader.of(0)[0] as Sample).data).pcm.slice(0, 2)).toEqual([0x0101, 0x0101]);
  expect(reader.tracks).toMatchObject([{ codec: 'h264', fps: 10 }]);
});

test('a track that becomes unstorable is silent until it is storable again, and does not replace another track', () => {
  const stream = new Stream([lpcm, tinyH264]);
  const stored = containerStream(stream);
  const reader = new Recording();
  const heard = (pts: number): number[] => {
    stream.write(0, { ...sound(pts), data: new Uint8Array(1920 * 4) });
    stream.write(1, tinyVideo(1, 25, 25)[0] as Sample);
    return reader.samples.splice(0).map(({ track }) => track);
  };
  stream.setTrack(0, { ...lpcm, channels: 6 });
  stored.addReader(reader, false);
  expect(heard(4_800)).toEqual([1]);
  stream.setTrack(0, lpcm);
  expect(heard(6_720)).toEqual([0, 1]);
  stream.setTrack(0, { ...lpcm, channels: 6 });
  expect(heard(8_640)).toEqual([1]);
  stream.setTrack(0, lpcm);
  expect(heard(10_560)).toEqual([0, 1]);
});

test('G.722 becomes FLAC of its true sample rate, with times to match', () => {
  const stream = new Stream([g722]);
  const reader = new Recording();
  containerStream(stream).addReader(reader, false);
  expect(containerStream(stream).tracks).toMatchObject([
    { codec: 'flac', clockRate: 16_000, channels: 1, frameSamples: 640 },
  ]);
  for (const pts of [8000, 8160, 8320, 8480]) {
    stream.write(0, { pts, dts: pts, wall: pts / 8, key: true, data: new Uint8Array(160) });
  }
  expect(reader.of(0)).toMatchObject([
    { pts: 16_000, wall: 1000 },
    { pts: 16_640, wall: 1040 },
  ]);
});

test('stereo G.722 keeps its length, and its channels are decoded separately', () => {
  const stream = new Stream([{ ...g722, channels: 2 }]);
  const reader = new Recording();
  containerStream(stream).addReader(reader, false);
  const bytes = Uint8Array.from({ length: 3200 }, (_, i) => (i * 37) >> 3);
  for (let at = 0; at < bytes.length; at += 320) {
    const pts = 8000 + at / 2;
    stream.write(0, { pts, dts: pts, wall: pts / 8, key: true, data: bytes.subarray(at, at + 320) });
  }
  expect(reader.of(0).map(({ pts }) => pts)).toEqual([16_000, 16_640, 17_280, 17_920, 18_560]);
  const pcm = reader.of(0).flatMap(({ data }) => decodeFlacFrame(data).pcm);
  for (const side of [0, 1]) {
    const alone = new Int16Array(3200);
    new G722Decoder().decode(
      bytes.filter((_, i) => i % 2 === side),
      alone,
    );
    expect(pcm.filter((_, i) => i % 2 === side)).toEqual([...alone]);
  }
});

test('readers of the derived stream count for the original, and key frame requests reach it', () => {
  const stream = new Stream([tinyH264, g711], { isOnDemand: true });
  let requests = 0;
  stream.onKeyFrameWanted = () => {
    requests += 1;
  };
  const derived = containerStream(stream);
  const reader: Reader = { ...new Recording(), kind: HLS_SESSION, onSample() {}, onTrack() {}, onEnd() {} };
  derived.addReader(reader, false);
  expect([stream.audience, derived.isOnDemand]).toEqual([1, true]);
  derived.requestKeyFrame();
  expect(requests).toBe(1);
  derived.removeReader(reader);
  expect(stream.audience).toBe(0);
});

test('a stream without storable tracks has a container stream without tracks', () => {
  expect(containerStream(new Stream([multiplex])).tracks).toEqual([]);
});

test('a jump of the sender’s clock is passed on with the track’s own number, that of a track left out is not', () => {
  const stream = new Stream([multiplex, tinyH264, g711]);
  const reader = new Recording();
  containerStream(stream).addReader(reader, false);
  for (const track of [0, 1, 2]) {
    stream.markDiscontinuity(track);
  }
  expect(reader.jumps).toEqual([0, 1]);
});

import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { decodeFlacFrame } from '../../../test/support/media/flac-decoder.ts';
import { hex } from '../../../test/support/media/units.ts';
import { FlacFromPcm, flacTrackOf } from '../../stream/container-stream.ts';
import { A_LAW } from '../g711/decode.ts';
import type { PcmTrack } from '../pcm/decode.ts';
import type { Sample } from '../sample/sample.ts';
import type { G711Track, LpcmTrack } from '../sample/track.ts';

const track: G711Track = { kind: 'audio', codec: 'g711', law: 'a', clockRate: 8000, channels: 1 };
const START_WALL = 1_700_000_000_000;

function setup(of: PcmTrack = track) {
  const out: Sample[] = [];
  const converter = new FlacFromPcm(of, (sample) => out.push(sample));
  /** @param pts in PCM samples; the wall clock agrees with it */
  const push = (pts: number, data: Uint8Array) =>
    converter.push({ pts, dts: pts, wall: START_WALL + pts / 8, key: true, data });
  const pcm = () => out.flatMap((sample) => decodeFlacFrame(sample.data).pcm);
  return { out, push, pcm };
}

const noise = (count: number, seed: number): Uint8Array => {
  const next = random(seed);
  return Uint8Array.from({ length: count }, () => Math.floor(next() * 256));
};
/** Anything but silence, to distinguish it from filled gaps. */
const tone = (count: number): Uint8Array => new Uint8Array(count).fill(0x80);
const TONE = A_LAW[0x80];

test('the track keeps rate and channels and says the size of its frames', () => {
  expect(flacTrackOf(track)).toEqual({ kind: 'audio', codec: 'flac', clockRate: 8000, channels: 1, frameSamples: 320 });
  expect(flacTrackOf({ ...track, clockRate: 16_000 }).frameSamples).toBe(640);
});

test.for([160, 256, 320, 1000, 37])(
  'packets of %d samples become frames of 320 with the same audio, timestamps and wall clock',
  (size) => {
    const { out, push, pcm } = setup();
    const sound = noise(size * 64, size);
    for (let at = 0; at < sound.length; at += size) {
      push(5000 + at, sound.subarray(at, at + size));
    }
    expect(out.map((sample) => sample.pts)).toEqual(out.map((_, i) => 5000 + 320 * i));
    expect(out.every((s) => s.dts === s.pts && s.key && s.wall === START_WALL + s.pts / 8)).toBe(true);
    expect(out.map((sample) => decodeFlacFrame(sample.data).number)).toEqual(out.map((_, i) => i));
    expect(pcm()).toEqual([...sound].slice(0, out.length * 320).map((code) => A_LAW[code]));
  },
);

test('both channels of a stereo track are encoded', () => {
  const { out, push } = setup({ ...track, channels: 2 });
  push(
    0,
    Uint8Array.from({ length: 640 }, (_, i) => (i % 2 ? 0x80 : 0x00)),
  );
  expect(decodeFlacFrame(out[0]?.data ?? new Uint8Array()).pcm.slice(0, 2)).toEqual([A_LAW[0], A_LAW[0x80]]);
});

const lpcm: LpcmTrack = { kind: 'audio', codec: 'lpcm', bitDepth: 16, clockRate: 48_000, channels: 2 };

test.for([
  [8, '00 7f 80 81 ff', [-32_768, -256, 0, 256, 32_512]],
  [16, '0000 0001 7fff 8000 ffff', [0, 1, 32_767, -32_768, -1]],
  [24, '000000 0001ff 7fffff 800000 ffff00', [0, 1, 32_767, -32_768, -1]],
] as const)('LPCM of %i bits is stored with 16', ([bitDepth, bytes, values]) => {
  const { push, pcm } = setup({ ...lpcm, bitDepth, channels: 1, clockRate: 400 });
  const data = hex(bytes);
  for (let i = 0; i < 16; i += 1) {
    push(i * 5, data);
  }
  expect(pcm().slice(0, 5)).toEqual(values);
  expect(pcm()).toHaveLength(80);
});

test('a second of noise in 48 kHz stereo is decoded bit for bit from 25 frames', () => {
  const { out, push, pcm } = setup(lpcm);
  const sound = noise(48_000 * 4, 48);
  for (let at = 0; at < 48_000; at += 240) {
    push(at, sound.subarray(at * 4, (at + 240) * 4));
  }
  expect(out.map((sample) => sample.pts)).toEqual(Array.from({ length: 25 }, (_, i) => i * 1920));
  const values = new DataView(sound.buffer);
  expect(pcm()).toEqual(Array.from({ length: 96_000 }, (_, i) => values.getInt16(2 * i)));
});

test('times that tremble by less than 40 ms change nothing', () => {
  const { out, push, pcm } = setup();
  const next = random(9);
  for (let i = 0; i < 100; i += 1) {
    push(1000 + i * 160 + Math.floor((i > 0 ? 1 : 0) * (next() - 0.5) * 600), tone(160));
  }
  expect(out.map((sample) => sample.pts)).toEqual(out.map((_, i) => 1000 + i * 320));
  expect(pcm().every((value) => value === TONE)).toBe(true);
});

test.for([2, 10, 50])('%d lost packets of 20 ms are heard as silence of that length', (lost) => {
  const { push, pcm } = setup();
  for (let i = 0; i < 50; i += 1) {
    push(i * 160, tone(160));
  }
  for (let i = 50 + lost; i < 100 + lost; i += 1) {
    push(i * 160, tone(160));
  }
  const sound = pcm();
  expect(sound.indexOf(0)).toBe(50 * 160);
  expect(sound.filter((value) => value === 0).length).toBe(lost * 160);
});

test('after a gap of more than a second timestamps restart, and the current frame ends in silence', () => {
  const { out, push, pcm } = setup();
  push(0, tone(480));
  push(20_000, tone(640));
  expect(out.map((sample) => sample.pts)).toEqual([0, 320, 20_000, 20_320]);
  expect(out[2]?.wall).toBe(START_WALL + 2500);
  expect(
    pcm()
      .slice(480, 640)
      .every((value) => value === 0),
  ).toBe(true);
});

test.for([
  ['0.6 % fast', 161],
  ['0.6 % slow', 159],
] as const)('a clock that runs %s is followed by slipping, to within 40 ms', ([, ticks]) => {
  const { out, push, pcm } = setup();
  for (let i = 0; i < 2000; i += 1) {
    push(i * ticks, tone(160));
    const last = out.at(-1);
    if (last) {
      // 40 ms of error, the frame itself and the one begun.
      expect(Math.abs(last.pts - (i + 1) * ticks)).toBeLessThan(3 * 320);
    }
  }
  expect(pcm().every((value) => value === TONE)).toBe(true);
  expect(out.every((sample, i) => i === 0 || sample.pts === (out[i - 1]?.pts ?? 0) + 320)).toBe(true);
});

test('audio for a period already written is dropped, and timestamps never step back', () => {
  const { out, push } = setup();
  for (let i = 0; i < 20; i += 1) {
    push(16_000 + i * 160, tone(160));
  }
  const before = out.length;
  push(16_000, tone(320));
  expect(out.length).toBe(before);
});

test('random packets at random times never throw and never run backwards', () => {
  const next = random(11);
  for (let round = 0; round < 100; round += 1) {
    const { out, push } = setup({ ...track, channels: 1 + (round % 3) });
    let pts = 0;
    for (let i = 0; i < 100; i += 1) {
      pts = Math.max(0, pts + Math.floor((next() - 0.2) * 3000 * next() ** 4));
      push(pts, noise(Math.floor(next() * 700), i));
    }
    expect(out.every((sample, i) => i === 0 || sample.dts >= (out[i - 1]?.dts ?? 0) + 320)).toBe(true);
  }
});

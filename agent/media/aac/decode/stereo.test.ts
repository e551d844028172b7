import { expect, test } from 'vitest';
import { bandLayout } from './bands.ts';
import { Channel, EIGHT_SHORT, INTENSITY_BOOK, NOISE_BOOK, OPPOSITE_BOOK } from './channel.ts';
import { NoiseSource } from './noise.ts';
import { scaleSpectrum } from './spectrum.ts';
import { newJointBands, separateStereo } from './stereo.ts';

const BORDERS = bandLayout(48_000).long;

/** One long window whose bands have these codebooks, and coefficients of 3. */
function channelOf(books: readonly number[], scale = 0): Channel {
  const channel = new Channel();
  channel.borders = BORDERS;
  channel.bands = books.length;
  channel.groupWindows[0] = 1;
  channel.books.set(books);
  channel.scales.fill(scale, 0, books.length);
  channel.spectrum.fill(3, 0, BORDERS[books.length]);
  return channel;
}

const bandOf = (channel: Channel, band: number): number[] => [
  ...channel.spectrum.subarray(BORDERS[band], BORDERS[band + 1]),
];
const energyOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value * value, 0);

test.for([
  ['as the left', INTENSITY_BOOK, 0, 0, 3],
  ['against the left', OPPOSITE_BOOK, 0, 0, -3],
  ['at half the level', INTENSITY_BOOK, 4, 0, 1.5],
  ['turned around by the mask', INTENSITY_BOOK, 0, 1, -3],
  ['turned around twice', OPPOSITE_BOOK, 0, 1, 3],
  ['not turned around where no mask is sent and all is joint', INTENSITY_BOOK, 0, 2, 3],
] as const)('intensity makes the right channel %s', ([, book, position, joint, expected]) => {
  const [left, right] = [channelOf([1, 1]), channelOf([1, book], position)];
  separateStereo(left, right, newJointBands().fill(joint, 1, 2));
  expect(new Set(bandOf(right, 0))).toEqual(new Set([3]));
  expect(new Set(bandOf(right, 1))).toEqual(new Set([expected]));
  expect(new Set(bandOf(left, 1))).toEqual(new Set([3]));
});

test.for([
  ['coefficients', 1, 1, [6, 0]],
  ['nothing on one side', 1, 0, [6, 0]],
  ['noise on one side', NOISE_BOOK, 1, [3, 3]],
  ['noise on both sides', NOISE_BOOK, NOISE_BOOK, [3, 3]],
] as const)('a joint band with %s', ([, leftBook, rightBook, expected]) => {
  const [left, right] = [channelOf([leftBook]), channelOf([rightBook])];
  separateStereo(left, right, newJointBands().fill(1));
  expect([bandOf(left, 0)[0], bandOf(right, 0)[0]]).toEqual(expected);
});

test('noise has the signalled energy in each window', () => {
  const channel = channelOf([0, 0, NOISE_BOOK], 48);
  channel.windowSequence = EIGHT_SHORT;
  channel.borders = bandLayout(48_000).short;
  channel.groupWindows[0] = 8;
  scaleSpectrum(channel, new NoiseSource());
  for (let window = 0; window < 8; window += 1) {
    const values = [...channel.spectrum.subarray(128 * window + 8, 128 * window + 12)];
    expect(energyOf(values)).toBeCloseTo((2 ** 12 / 32_768) ** 2, 12);
  }
});

test.for([
  ['the same in a joint band', 1, true],
  ['the same where all is joint', 2, true],
  ['another elsewhere', 0, false],
] as const)('the noise of the right channel is %s', ([, joint, isSame]) => {
  const [left, right] = [channelOf([NOISE_BOOK, NOISE_BOOK], 40), channelOf([0, NOISE_BOOK], 44)];
  const noise = new NoiseSource();
  scaleSpectrum(left, noise);
  scaleSpectrum(right, noise, left, newJointBands().fill(joint));
  const difference = bandOf(right, 1).map((value, i) => value - 2 * (bandOf(left, 1)[i] as number));
  expect(energyOf(difference) < 1e-12 * energyOf(bandOf(right, 1))).toBe(isSame);
});

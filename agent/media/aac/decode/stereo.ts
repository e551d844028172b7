import { type Channel, INTENSITY_BOOK, MAX_BANDS, NOISE_BOOK, OPPOSITE_BOOK, SHORT_SAMPLES } from './channel.ts';
import { levelOf } from './spectrum.ts';

/**
 * Jointly coded bands of a pair: 1 by ms_used, 2 if all are. In an intensity band only a 1 inverts the sign (invert_intensity,
 * §4.6.8.2.3).
 */
type JointBands = Uint8Array;
export const newJointBands = (): JointBands => new Uint8Array(MAX_BANDS);

/**
 * Joint stereo by band: mid/side (ISO/IEC 14496-3 §4.6.8.1), or the right channel is the left one at another level (intensity
 * stereo, §4.6.8.2).
 */
export function separateStereo(left: Channel, right: Channel, joint: JointBands): void {
  const { bands, borders } = right;
  let firstWindow = 0;
  for (let group = 0; group < right.groups; group += 1) {
    const windows = right.groupWindows[group] as number;
    for (let band = 0; band < bands; band += 1) {
      const i = group * bands + band;
      const book = right.books[i] as number;
      const from = firstWindow * SHORT_SAMPLES + (borders[band] as number);
      const width = (borders[band + 1] as number) - (borders[band] as number);
      if (book === INTENSITY_BOOK || book === OPPOSITE_BOOK) {
        const level = levelOf(-(right.scales[i] as number));
        copyBand(left, right, from, width, windows, (book === INTENSITY_BOOK) === (joint[i] === 1) ? -level : level);
      } else if (joint[i] !== 0 && book < NOISE_BOOK && (left.books[i] as number) < NOISE_BOOK) {
        separateBand(left, right, from, width, windows);
      }
    }
    firstWindow += windows;
  }
}

function separateBand(left: Channel, right: Channel, from: number, width: number, windows: number): void {
  for (let window = 0; window < windows; window += 1) {
    const start = from + window * SHORT_SAMPLES;
    for (let at = start; at < start + width; at += 1) {
      const middle = left.spectrum[at] as number;
      const side = right.spectrum[at] as number;
      left.spectrum[at] = middle + side;
      right.spectrum[at] = middle - side;
    }
  }
}

function copyBand(left: Channel, right: Channel, from: number, width: number, windows: number, level: number): void {
  for (let window = 0; window < windows; window += 1) {
    const start = from + window * SHORT_SAMPLES;
    for (let at = start; at < start + width; at += 1) {
      right.spectrum[at] = level * (left.spectrum[at] as number);
    }
  }
}

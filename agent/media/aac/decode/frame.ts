import { PerchError } from '../../../base/errors.ts';
import { type BandLayout, bandLayout } from './bands.ts';
import { FrameBits } from './bits.ts';
import { Channel } from './channel.ts';
import { NoiseSource } from './noise.ts';
import { readChannelLayout } from './program.ts';
import { readPulses, readScaleFactors, readSections, readShapers, readWindows } from './side-info.ts';
import { readSpectrum, scaleSpectrum } from './spectrum.ts';
import { newJointBands, separateStereo } from './stereo.ts';

/** id_syn_ele, ISO/IEC 14496-3 table 4.85. */
const SINGLE = 0;
const PAIR = 1;
const DATA = 4;
const PROGRAM = 5;
const FILL = 6;
const END = 7;
/** Elements in one frame; more are an error. */
const MAX_ELEMENTS = 64;
const MAX_CHANNELS = 2;
/** ms_mask_present: 0 no bands, 1 those of the mask, 2 all bands; 3 is reserved. */
const MASKED = 1;
const ALL_JOINT = 2;

/** Reads the syntax elements of frames to spectra. */
export class FrameReader {
  readonly layout: BandLayout;
  readonly channels: readonly [Channel, Channel] = [new Channel(), new Channel()];
  /** Channels of the last frame. */
  count = 0;
  readonly joint = newJointBands();
  #isPair = false;
  readonly #bits = new FrameBits();
  readonly #noise = new NoiseSource();

  constructor(rateHz: number) {
    this.layout = bandLayout(rateHz);
  }

  /** raw_data_block, table 4.3. */
  read(frame: Uint8Array): void {
    const bits = this.#bits;
    bits.load(frame);
    this.count = 0;
    this.#isPair = false;
    for (let elements = 0; elements < MAX_ELEMENTS; elements += 1) {
      const element = bits.bits(3);
      bits.check();
      if (element === END) {
        this.#scale();
        return;
      }
      this.#readElement(element);
      bits.check();
    }
    throw new PerchError('badInput', `AAC frame of more than ${MAX_ELEMENTS} elements`);
  }

  #readElement(element: number): void {
    const bits = this.#bits;
    if (element === SINGLE) {
      this.#readSingle();
    } else if (element === PAIR) {
      this.#readPair();
    } else if (element === DATA) {
      bits.skip(4);
      const isAligned = bits.flag();
      const bytes = readCount(bits, 8, 255, 0);
      bits.skip((isAligned ? -bits.positionBits & 7 : 0) + 8 * bytes);
    } else if (element === PROGRAM) {
      readChannelLayout(bits);
    } else if (element === FILL) {
      bits.skip(8 * readCount(bits, 4, 15, -1));
    } else {
      throw new PerchError('unsupported', `AAC element ${element}, which no mono or stereo frame has`);
    }
  }

  /** single_channel_element, table 4.4. */
  #readSingle(): void {
    const channel = this.#nextChannel(1);
    this.#bits.skip(4); // element_instance_tag
    this.#readChannel(channel, false);
  }

  /** channel_pair_element, table 4.5. */
  #readPair(): void {
    const bits = this.#bits;
    const left = this.#nextChannel(2);
    const right = this.channels[1];
    bits.skip(4); // element_instance_tag
    const isCommon = bits.flag();
    this.joint.fill(0);
    if (isCommon) {
      readWindows(bits, left, this.layout);
      this.#readJointBands(left);
      right.copyWindowsOf(left);
    }
    this.#readChannel(left, isCommon);
    this.#readChannel(right, isCommon);
    this.#isPair = true;
  }

  /** Called after the whole frame is read, so that an invalid one does not change the noise. */
  #scale(): void {
    const [left, right] = this.channels;
    if (this.#isPair) {
      scaleSpectrum(left, this.#noise);
      scaleSpectrum(right, this.#noise, left, this.joint);
      separateStereo(left, right, this.joint);
      return;
    }
    for (let i = 0; i < this.count; i += 1) {
      scaleSpectrum(this.channels[i as 0 | 1], this.#noise);
    }
  }

  #nextChannel(wanted: number): Channel {
    const count = this.count + wanted;
    if (count > MAX_CHANNELS) {
      throw new PerchError('unsupported', `AAC frame of ${count} channels, at most ${MAX_CHANNELS} are decoded`);
    }
    const channel = this.channels[this.count as 0 | 1];
    this.count = count;
    return channel;
  }

  #readJointBands(channel: Channel): void {
    const bits = this.#bits;
    const mask = bits.bits(2);
    if (mask > ALL_JOINT) {
      throw new PerchError('badInput', `AAC ms_mask_present ${mask}, at most ${ALL_JOINT} allowed`);
    }
    for (let i = 0; mask !== 0 && i < channel.groups * channel.bands; i += 1) {
      this.joint[i] = mask === MASKED ? bits.bits(1) : ALL_JOINT;
    }
  }

  /** individual_channel_stream, table 4.50. */
  #readChannel(channel: Channel, isCommon: boolean): void {
    const bits = this.#bits;
    const globalGain = bits.bits(8);
    if (!isCommon) {
      readWindows(bits, channel, this.layout);
    }
    readSections(bits, channel);
    readScaleFactors(bits, channel, globalGain);
    readPulses(bits, channel);
    readShapers(bits, channel);
    if (bits.flag()) {
      throw new PerchError('unsupported', 'AAC frame with gain control, which AAC-LC lacks');
    }
    bits.check();
    readSpectrum(bits, channel);
  }
}

/** A count; after the highest value a second one follows and is added with `correction`. */
function readCount(bits: FrameBits, size: number, highest: number, correction: number): number {
  const count = bits.bits(size);
  return count === highest ? count + bits.bits(8) + correction : count;
}

import type { Sample } from '../sample.ts';
import type { FlacTrack } from '../track.ts';
import { FlacEncoder } from './encode.ts';
import { type PcmDecoder, type PcmTrack, pcmDecoderOf } from './pcm.ts';

/** 40 ms: smaller blocks cost bytes, larger ones delay. */
const FRAMES_PER_SECOND = 25;
/** What a camera that stamps by its wall clock is off by without anything being lost. */
const TOLERATED_MS = 40;
const SLIP_END_MS = 5;
/** Beyond this the times of a packet are wrong for good: it is a gap, or an overlap that is let go. */
const JUMP_MS = 200;
/** A step from one packet to the next of at least this is a lost packet and not drift. */
const LOSS_MS = 15;
const MAX_SILENCE_MS = 1000;
/** While slipping, one in so many PCM samples is dropped or doubled: 1 % is not heard. */
const SLIP_EVERY = 100;

/** The track that `FlacFromPcm` makes. */
export function flacTrackOf(track: PcmTrack): FlacTrack {
  const frameSamples = Math.max(16, Math.round(track.clockRate / FRAMES_PER_SECOND));
  return { kind: 'audio', codec: 'flac', clockRate: track.clockRate, channels: track.channels, frameSamples };
}

/**
 * G.711 or LPCM of any packet length into FLAC frames of 40 ms.
 * The output's times count its samples from one anchor; the input's times only correct it: small errors stay, drift is slipped away,
 * gaps up to a second become silence, longer ones a new anchor.
 */
export class FlacFromPcm {
  readonly #encoder: FlacEncoder;
  readonly #decoder: PcmDecoder;
  /** Of the sample that is being taken. */
  #values = new Int16Array(0);
  readonly #channels: number;
  readonly #rate: number;
  readonly #emit: (sample: Sample) => void;
  readonly #block: Int16Array;
  /** PCM samples of the block that are there. */
  #filled = 0;
  /** Presentation time of the next PCM sample; undefined before the first. */
  #nextPts: number | undefined;
  #lastErrorTicks = 0;
  /** 1: samples are doubled until we have caught up; -1: dropped. */
  #slip: -1 | 0 | 1 = 0;
  #sinceSlip = 0;

  /** @param emit is called during `push`, for every frame that has become full */
  constructor(track: PcmTrack, emit: (sample: Sample) => void) {
    const { clockRate, channels, frameSamples } = flacTrackOf(track);
    this.#decoder = pcmDecoderOf(track);
    const { unusedBits } = this.#decoder;
    this.#encoder = new FlacEncoder({ sampleRateHz: clockRate, channels, frameSamples, unusedBits });
    this.#channels = channels;
    this.#rate = clockRate;
    this.#emit = emit;
    this.#block = new Int16Array(frameSamples * channels);
  }

  push(sample: Sample): void {
    if (!this.#align(sample)) {
      return;
    }
    const { decode, bytesPerValue } = this.#decoder;
    const most = sample.data.length / bytesPerValue;
    if (this.#values.length < most) {
      this.#values = new Int16Array(Math.ceil(most));
    }
    const values = this.#values;
    const count = decode(sample.data, values);
    const channels = this.#channels;
    for (let at = 0; at + channels <= count; at += channels) {
      let copies = 1;
      if (this.#slip !== 0) {
        this.#sinceSlip += 1;
        if (this.#sinceSlip === SLIP_EVERY) {
          this.#sinceSlip = 0;
          copies += this.#slip;
        }
      }
      for (; copies > 0; copies -= 1) {
        const start = this.#filled * channels;
        for (let channel = 0; channel < channels; channel += 1) {
          this.#block[start + channel] = values[at + channel] as number;
        }
        this.#advance(sample);
      }
    }
  }

  /** Holds the output's time against the sample's; false: the sample lies in time that has been written already. */
  #align(sample: Sample): boolean {
    if (this.#nextPts === undefined) {
      this.#nextPts = sample.pts;
      return true;
    }
    const ticksPerMs = this.#rate / 1000;
    const error = sample.pts - this.#nextPts;
    const step = error - this.#lastErrorTicks;
    this.#lastErrorTicks = error;
    if (error < -JUMP_MS * ticksPerMs) {
      return false;
    }
    if (error > MAX_SILENCE_MS * ticksPerMs) {
      this.#reanchor(sample);
    } else if (error > JUMP_MS * ticksPerMs || (error >= TOLERATED_MS * ticksPerMs && step >= LOSS_MS * ticksPerMs)) {
      this.#fillSilence(error, sample);
    } else if (Math.abs(error) > TOLERATED_MS * ticksPerMs) {
      this.#slip = error > 0 ? 1 : -1;
    } else if (error * this.#slip < SLIP_END_MS * ticksPerMs) {
      this.#slip = 0;
    }
    return true;
  }

  #fillSilence(count: number, sample: Sample): void {
    for (let i = 0; i < count; i += 1) {
      this.#putSilence(sample);
    }
    this.#lastErrorTicks = 0;
    this.#slip = 0;
  }

  /** The block that was begun ends in silence: its end is at most 40 ms on, the sample more than a second. */
  #reanchor(sample: Sample): void {
    while (this.#filled > 0) {
      this.#putSilence(sample);
    }
    this.#nextPts = sample.pts;
    this.#lastErrorTicks = 0;
    this.#slip = 0;
  }

  #putSilence(sample: Sample): void {
    const start = this.#filled * this.#channels;
    this.#block.fill(0, start, start + this.#channels);
    this.#advance(sample);
  }

  /** One PCM sample (of each channel) is in the block. @param sample the one that came last: it tells the wall clock */
  #advance(sample: Sample): void {
    this.#filled += 1;
    this.#nextPts = (this.#nextPts as number) + 1;
    if (this.#filled * this.#channels < this.#block.length) {
      return;
    }
    const pts = this.#nextPts - this.#filled;
    const wall = sample.wall + ((pts - sample.pts) * 1000) / this.#rate;
    this.#filled = 0;
    this.#emit({ pts, dts: pts, wall, key: true, data: this.#encoder.encode(this.#block) });
  }
}

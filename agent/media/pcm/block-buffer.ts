/** Timestamp error of a camera that uses its wall clock, without loss. */
const TOLERATED_MS = 40;
const SLIP_END_MS = 5;
/** A larger error is a gap, or an overlap that is dropped. */
const JUMP_MS = 200;
/** A step between packets of at least this is a loss, not drift. */
const LOSS_MS = 15;
/** While correcting drift, one in this many PCM samples is dropped or doubled: 1 % is inaudible. */
const SLIP_EVERY = 100;

interface BlockFormat {
  readonly rateHz: number;
  readonly channels: number;
  /** PCM samples of each channel in every block. */
  readonly blockSamples: number;
}

/**
 * Receives a full block.
 * @param block interleaved; valid during the call only
 * @param pts of its first sample, in ticks of the sample rate
 * @param wall of its first sample, Unix milliseconds
 */
type TakeBlock = (block: Int16Array, pts: number, wall: number) => void;

/**
 * Splits PCM of any packet length into blocks of equal length for encoders.
 * Output times count samples from an anchor and input times only correct it: small errors are ignored, drift is corrected sample by
 * sample, gaps up to a second become silence, longer ones set a new anchor.
 */
export class PcmBlockBuffer {
  readonly #channels: number;
  readonly #ticksPerMs: number;
  readonly #emit: TakeBlock;
  readonly #block: Int16Array;
  /** Values in the current block. */
  #filled = 0;
  /** Presentation time of the next PCM sample; -1 before the first. */
  #nextPts = -1;
  /** Time of the last packet, in ticks of the sample rate, and its wall clock, Unix milliseconds. */
  #pts = 0;
  #wall = 0;
  #lastErrorTicks = 0;
  /** 1: samples are doubled until the drift is corrected; -1: dropped. */
  #slip: -1 | 0 | 1 = 0;
  #sinceSlip = 0;

  /** @param emit called during `push` for each full block */
  constructor({ rateHz, channels, blockSamples }: BlockFormat, emit: TakeBlock) {
    this.#channels = channels;
    this.#ticksPerMs = rateHz / 1000;
    this.#emit = emit;
    this.#block = new Int16Array(blockSamples * channels);
  }

  /** PCM samples of each channel that the current block lacks. */
  get missing(): number {
    return (this.#block.length - this.#filled) / this.#channels;
  }

  /**
   * @param values interleaved; read during the call only
   * @param count number of values of all channels; an incomplete sample is ignored
   * @param pts of the first sample, in ticks of the sample rate: an integer
   * @param wall of the first sample, Unix milliseconds
   */
  push(values: Int16Array, count: number, pts: number, wall: number): void {
    this.#pts = pts;
    this.#wall = wall;
    if (!this.#align()) {
      return;
    }
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
        for (let channel = 0; channel < channels; channel += 1) {
          this.#block[this.#filled + channel] = values[at + channel] as number;
        }
        this.#advance(1);
      }
    }
  }

  /** Compares output time and packet time. False: the packet is too late, because output for its time was already written. */
  #align(): boolean {
    if (this.#nextPts < 0) {
      this.#nextPts = this.#pts;
      return true;
    }
    const ticksPerMs = this.#ticksPerMs;
    const error = this.#pts - this.#nextPts;
    const step = error - this.#lastErrorTicks;
    this.#lastErrorTicks = error;
    if (error < -JUMP_MS * ticksPerMs) {
      return false;
    }
    if (error > 1000 * ticksPerMs) {
      this.#reanchor();
    } else if (error > JUMP_MS * ticksPerMs || (error >= TOLERATED_MS * ticksPerMs && step >= LOSS_MS * ticksPerMs)) {
      this.#fillSilence(error);
    } else if (Math.abs(error) > TOLERATED_MS * ticksPerMs) {
      this.#slip = error > 0 ? 1 : -1;
    } else if (error * this.#slip < SLIP_END_MS * ticksPerMs) {
      this.#slip = 0;
    }
    return true;
  }

  #fillSilence(count: number): void {
    for (let left = count; left > 0; ) {
      left -= this.#putSilence(left);
    }
    this.#lastErrorTicks = 0;
    this.#slip = 0;
  }

  /** Fills the current block with silence, then continues at the time of the packet, which is more than a second later. */
  #reanchor(): void {
    if (this.#filled > 0) {
      this.#putSilence(this.#block.length);
    }
    this.#nextPts = this.#pts;
    this.#lastErrorTicks = 0;
    this.#slip = 0;
  }

  /**
   * Writes silence up to the end of the block, in large pieces: gaps may come with each packet.
   * @param most PCM samples of each channel
   * @returns the number written
   */
  #putSilence(most: number): number {
    const samples = Math.min(most, (this.#block.length - this.#filled) / this.#channels);
    this.#block.fill(0, this.#filled, this.#filled + samples * this.#channels);
    this.#advance(samples);
    return samples;
  }

  /** Counts PCM samples of each channel that were added to the block, at most up to its capacity. Emits a full block. */
  #advance(samples: number): void {
    this.#filled += samples * this.#channels;
    this.#nextPts += samples;
    if (this.#filled < this.#block.length) {
      return;
    }
    const pts = this.#nextPts - this.#filled / this.#channels;
    this.#filled = 0;
    this.#emit(this.#block, pts, this.#wall + (pts - this.#pts) / this.#ticksPerMs);
  }
}

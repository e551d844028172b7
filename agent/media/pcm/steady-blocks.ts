/** What a camera that stamps by its wall clock is off by without anything being lost. */
const TOLERATED_MS = 40;
const SLIP_END_MS = 5;
/** Beyond this the times of a packet are wrong for good: it is a gap, or an overlap that is let go. */
const JUMP_MS = 200;
/** A step from one packet to the next of at least this is a lost packet and not drift. */
const LOSS_MS = 15;
const MAX_SILENCE_MS = 1000;
/** While slipping, one in this many PCM samples is dropped or doubled: 1 % is not heard. */
const SLIP_EVERY = 100;

interface BlockFormat {
  readonly rateHz: number;
  readonly channels: number;
  /** PCM samples of each channel in every block. */
  readonly blockSamples: number;
}

/**
 * Takes a block that has become full.
 * @param block interleaved; valid during the call only
 * @param pts of its first sample, in ticks of the sample rate
 * @param wall of its first sample, Unix milliseconds
 */
type TakeBlock = (block: Int16Array, pts: number, wall: number) => void;

/**
 * PCM of any packet length in blocks of one length, as coders want it.
 * The output's times count its samples from one anchor; the input's times only correct it: small errors stay, drift is slipped away,
 * gaps up to a second become silence, longer ones a new anchor.
 */
export class SteadyBlocks {
  readonly #channels: number;
  readonly #ticksPerMs: number;
  readonly #emit: TakeBlock;
  readonly #block: Int16Array;
  /** Values of the block that are there. */
  #filled = 0;
  /** Presentation time of the next PCM sample; -1 before the first. */
  #nextPts = -1;
  /** Of the packet that came last. */
  #pts = 0;
  #wall = 0;
  #lastErrorTicks = 0;
  /** 1: samples are doubled until we have caught up; -1: dropped. */
  #slip: -1 | 0 | 1 = 0;
  #sinceSlip = 0;

  /** @param emit is called during `push`, for every block that has become full */
  constructor({ rateHz, channels, blockSamples }: BlockFormat, emit: TakeBlock) {
    this.#channels = channels;
    this.#ticksPerMs = rateHz / 1000;
    this.#emit = emit;
    this.#block = new Int16Array(blockSamples * channels);
  }

  /**
   * @param values interleaved; read during the call only
   * @param count of the values, all channels together; what makes no whole sample is left
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

  /** Holds the output's time against the packet's; false: the packet lies in time that has been written already. */
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
    if (error > MAX_SILENCE_MS * ticksPerMs) {
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

  /** The block that was begun ends in silence: its end is at most a block on, the packet more than a second. */
  #reanchor(): void {
    if (this.#filled > 0) {
      this.#putSilence(this.#block.length);
    }
    this.#nextPts = this.#pts;
    this.#lastErrorTicks = 0;
    this.#slip = 0;
  }

  /**
   * As far as the block goes: a sender may tell of gaps with every packet, and so each is made in large pieces.
   * @param most PCM samples of each channel
   * @returns how many it was
   */
  #putSilence(most: number): number {
    const samples = Math.min(most, (this.#block.length - this.#filled) / this.#channels);
    this.#block.fill(0, this.#filled, this.#filled + samples * this.#channels);
    this.#advance(samples);
    return samples;
  }

  /** So many PCM samples (of each channel) are in the block; never more than it has room for. */
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

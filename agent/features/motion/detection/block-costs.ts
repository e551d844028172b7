import type { BlockField } from '../../../picture/block-reader.ts';

/** Time constant of the usual cost of a block. */
const LEARNING_MS = 20_000;
/** Number of first pictures that are only learnt. */
const FIRST_PICTURES = 20;
/** A block stands out if its cost exceeds its mean by this many mean deviations and `MIN_EXCESS_BITS`. */
const DEVIATIONS = 4;
const MIN_EXCESS_BITS = 50;
/** The learnt cost is limited to this many mean deviations and `MIN_LEARNT_BITS` above the mean. */
const MAX_LEARNT_DEVIATIONS = 9;
const MIN_LEARNT_BITS = 90;
/** Learning is slower by this factor where something moves. */
const SLOWER = 6;
const MIDDLE_QP = 26;
/** If a larger share of blocks stands out, the whole picture changes: the camera turns, or the light is switched on. That is not motion. */
const GLOBAL_SHARE = 0.3;
/** If the whole picture changes for longer than this, it is learnt again from the start: its noise is higher at night. */
const MAX_GLOBAL_MS = 5_000;
const USUAL_PAUSE_MS = 100;
/** If blocks stand out in more places than this, it rains: the limits rise by `STRICTER_PER_S` per second. Otherwise they fall at that rate. */
const MAX_PLACES = 4;
const STRICTER_PER_S = 0.03;
const MAX_STRICTNESS = 2;

/** `SCALES[QP + MIN_QP]` is 2^((QP - 26) / 6), for every Int8. */
const MIN_QP = 128;
const SCALES = Float32Array.from({ length: 256 }, (_, i) => 2 ** ((i - MIN_QP - MIDDLE_QP) / 6));

/** Compares the cost of each block, in bits at the middle quantiser, with its usual cost. */
export class BlockCosts {
  /** Bits of each block above its limit in the last picture; 0: the block does not stand out. */
  readonly excess: Float32Array;
  /** The same of all blocks, whether they count or not. */
  readonly allExcess: Float32Array;
  readonly #field: BlockField;
  readonly #costs: Float32Array;
  readonly #means: Float32Array;
  readonly #deviations: Float32Array;
  /** Time for which each block is still learnt more slowly. */
  readonly #heldMs: Float32Array;
  /** 0: the block does not stand out, whatever it costs. */
  #counts: Uint8Array;
  #counted: number;
  /** Factor of all limits. It starts at the maximum, because it may rain when the stream begins. */
  #strictness = MAX_STRICTNESS;
  #learnt = 0;
  #timeMs = Number.NaN;
  /** Time at which the whole picture began to change; NaN: it does not change. */
  #globalMs = Number.NaN;

  constructor(field: BlockField) {
    const count = field.bits.length;
    this.#field = field;
    this.excess = new Float32Array(count);
    this.allExcess = new Float32Array(count);
    this.#costs = new Float32Array(count);
    this.#means = new Float32Array(count);
    this.#deviations = new Float32Array(count);
    this.#heldMs = new Float32Array(count);
    this.#counts = new Uint8Array(count).fill(1);
    this.#counted = count;
  }

  /** 1 for each block that may stand out; others are learnt only. */
  set counts(counts: Uint8Array) {
    this.#counts = counts;
    this.#counted = counts.reduce((sum, one) => sum + one, 0);
  }

  get isLearning(): boolean {
    return this.#learnt < FIRST_PICTURES;
  }

  /** Adds the next picture, which is in the field. */
  add(timeMs: number): void {
    const elapsedMs = Math.min(Math.max(timeMs - this.#timeMs, 0), 1_000) || USUAL_PAUSE_MS;
    this.#timeMs = timeMs;
    const isGlobal = this.#compare(this.#measure());
    if (!isGlobal || this.isLearning) {
      this.#globalMs = Number.NaN;
      this.#learn(elapsedMs);
      return;
    }
    this.excess.fill(0);
    this.allExcess.fill(0);
    if (Number.isNaN(this.#globalMs)) {
      this.#globalMs = timeMs;
    } else if (timeMs - this.#globalMs > MAX_GLOBAL_MS) {
      this.#learnt = 0;
    }
  }

  /** Raises the limits while blocks stand out in many places. @param places groups of blocks that stand out in the last picture */
  scatter(places: number, elapsedMs: number): void {
    const step = (STRICTER_PER_S * elapsedMs) / 1000;
    const strictness = this.#strictness + (places > MAX_PLACES ? step : -step);
    this.#strictness = Math.min(Math.max(strictness, 1), MAX_STRICTNESS);
  }

  /** Called when something moves in these blocks (edges inclusive): they are learnt more slowly for `ms`. */
  hold(left: number, top: number, right: number, bottom: number, ms: number): void {
    for (let row = top; row <= bottom; row += 1) {
      this.#heldMs.fill(ms, row * this.#field.columns + left, row * this.#field.columns + right + 1);
    }
  }

  /** @returns the cost of the whole picture divided by its usual cost, at least 1; noise and rain raise it */
  #measure(): number {
    const { bits, qps } = this.#field;
    const costs = this.#costs;
    let all = 0;
    let usual = 0;
    // The same sums for the blocks that do not count.
    let otherAll = 0;
    let otherUsual = 0;
    for (let block = 0; block < costs.length; block += 1) {
      const cost = (bits[block] as number) * (SCALES[(qps[block] as number) + MIN_QP] as number);
      const mean = this.#means[block] as number;
      costs[block] = cost;
      // Limited, so that a moving block does not count as noise of the picture.
      const more = Math.min(cost, 2 * mean + 20);
      all += more;
      usual += mean + 2;
      if (this.#counts[block] === 0) {
        otherAll += more;
        otherUsual += mean + 2;
      }
    }
    // The lower of two ratios, of all blocks and of those that count: a tree under a mask does not make the picture noisy,
    // nor does a person who fills a small zone.
    return Math.max(1, Math.min(all / usual, (all - otherAll) / (usual - otherUsual) || 1));
  }

  /** @returns whether the whole picture changes, and also the part of it that counts */
  #compare(level: number): boolean {
    const { excess, allExcess, isLearning } = this;
    const counts = this.#counts;
    const bar = level * this.#strictness;
    let active = 0;
    let counted = 0;
    for (let block = 0; block < excess.length; block += 1) {
      const usual = (this.#means[block] as number) + DEVIATIONS * (this.#deviations[block] as number);
      const above = (this.#costs[block] as number) - bar * usual;
      const isActive = !isLearning && above > MIN_EXCESS_BITS;
      const isCounted = isActive && counts[block] === 1;
      excess[block] = isCounted ? above : 0;
      allExcess[block] = isActive ? above : 0;
      active += isActive ? 1 : 0;
      counted += isCounted ? 1 : 0;
    }
    return active > GLOBAL_SHARE * excess.length && counted > GLOBAL_SHARE * this.#counted;
  }

  #learn(elapsedMs: number): void {
    this.#learnt += 1;
    const rate = Math.max(1 / this.#learnt, elapsedMs / LEARNING_MS);
    for (let block = 0; block < this.#costs.length; block += 1) {
      const mean = this.#means[block] as number;
      const deviation = this.#deviations[block] as number;
      const heldMs = this.#heldMs[block] as number;
      const blockRate = heldMs > 0 ? rate / SLOWER : rate;
      const most = mean + MAX_LEARNT_DEVIATIONS * deviation + MIN_LEARNT_BITS;
      const learnt = Math.min(this.#costs[block] as number, most);
      this.#means[block] = mean + (learnt - mean) * blockRate;
      this.#deviations[block] = deviation + (Math.abs(learnt - mean) - deviation) * blockRate;
      this.#heldMs[block] = Math.max(0, heldMs - elapsedMs);
    }
  }
}

import type { BitWriter } from './bit-writer.ts';

/** A Rice parameter of 15 would mean an escape (RFC 9639 §9.2.7.1). */
const MAX_RICE = 14;
const MAX_PARTITION_ORDER = 3;
const METHOD_BITS = 2 + 4;
const PARAMETER_BITS = 4;

/** How a block's residual is coded best: partitions of equal length, each with a Rice parameter of its own. RFC 9639 §9.2.7. */
export class RiceCoder {
  /** What `plan` found. */
  bits = 0;
  #order = 0;
  #parameters = new Uint8Array(1 << MAX_PARTITION_ORDER);
  #trial = new Uint8Array(1 << MAX_PARTITION_ORDER);

  /**
   * Chooses partitions and parameters for `folded[warmUp, count)`.
   * @param folded residual with the sign in the lowest bit: 0, -1, 1, -2, … become 0, 1, 2, 3, …
   */
  plan(folded: Uint32Array, count: number, warmUp: number): void {
    this.bits = Number.POSITIVE_INFINITY;
    for (let order = 0; order <= MAX_PARTITION_ORDER; order += 1) {
      const length = count >> order;
      if (length << order !== count || length <= warmUp) {
        return;
      }
      let bits = METHOD_BITS;
      for (let i = 0; i < 1 << order; i += 1) {
        bits += PARAMETER_BITS + this.#fit(folded, i === 0 ? warmUp : i * length, (i + 1) * length, i);
      }
      if (bits < this.bits) {
        this.bits = bits;
        this.#order = order;
        [this.#parameters, this.#trial] = [this.#trial, this.#parameters];
      }
    }
  }

  /** Bits of one partition with its best parameter, which is left in the trial list. */
  #fit(folded: Uint32Array, start: number, end: number, partition: number): number {
    let sum = 0;
    for (let i = start; i < end; i += 1) {
      sum += folded[i] as number;
    }
    // The best parameter is next to log2 of the mean.
    const guess = Math.max(0, 31 - Math.clz32(sum / (end - start)));
    let best = Number.POSITIVE_INFINITY;
    for (let k = Math.max(0, guess - 1); k <= Math.min(MAX_RICE, guess + 1); k += 1) {
      let bits = (end - start) * (k + 1);
      for (let i = start; i < end; i += 1) {
        bits += (folded[i] as number) >>> k;
      }
      if (bits < best) {
        best = bits;
        this.#trial[partition] = k;
      }
    }
    return best;
  }

  write(out: BitWriter, folded: Uint32Array, count: number, warmUp: number): void {
    out.put(0, 2); // parameters of 4 bits
    out.put(this.#order, 4);
    const length = count >> this.#order;
    for (let i = 0; i < 1 << this.#order; i += 1) {
      const k = this.#parameters[i] as number;
      out.put(k, PARAMETER_BITS);
      for (let at = i === 0 ? warmUp : i * length; at < (i + 1) * length; at += 1) {
        const value = folded[at] as number;
        out.unary(value >>> k);
        out.put(value, k);
      }
    }
  }
}

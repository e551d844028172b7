import type { BitReader } from '../payload/bit-reader.ts';

const MAX_REF_PICS = 16;

/** A picture that a slice header keeps in the decoder's buffer, H.265 §7.4.8. */
interface ShortTermPicture {
  /** Difference of picture order counts to the picture of the slice. */
  readonly distance: number;
  /** The picture of the slice may refer to it; else only later pictures may. */
  readonly isUsed: boolean;
}

/** Nearest first, earlier pictures before later ones. */
export type ShortTermSet = readonly ShortTermPicture[];

export interface LongTermPicture {
  /** Lowest bits of the picture order count. */
  readonly pocLsb: number;
  readonly isUsed: boolean;
}

/** All short-term reference picture sets of an SPS. */
export function parseShortTermSets(bits: BitReader): ShortTermSet[] {
  const count = bits.ueUpTo(64, 'num_short_term_ref_pic_sets');
  const sets: ShortTermSet[] = [];
  for (let i = 0; i < count; i += 1) {
    // In an SPS a set is predicted from the previous one.
    sets.push(i > 0 && bits.flag() ? predictSet(bits, sets[i - 1] ?? []) : readSet(bits));
  }
  return sets;
}

/** The set of a slice header: one of the SPS, or explicit. H.265 §7.3.6.1 */
export function parseSliceSet(bits: BitReader, sets: readonly ShortTermSet[]): ShortTermSet {
  // short_term_ref_pic_set_sps_flag
  if (bits.flag()) {
    return sets[bits.bits(indexBits(sets.length))] ?? [];
  }
  if (sets.length === 0 || !bits.flag()) {
    return readSet(bits);
  }
  const from = sets.length - 1 - bits.ueUpTo(sets.length - 1, 'delta_idx_minus1');
  return predictSet(bits, sets[from] ?? []);
}

/** Ceil(Log2(count)). */
export const indexBits = (count: number): number => (count > 1 ? 32 - Math.clz32(count - 1) : 0);

/** H.265 §7.3.7. */
function readSet(bits: BitReader): ShortTermPicture[] {
  const negative = bits.ueUpTo(MAX_REF_PICS, 'num_negative_pics');
  const positive = bits.ueUpTo(MAX_REF_PICS, 'num_positive_pics');
  const set: ShortTermPicture[] = [];
  for (let i = 0, distance = 0; i < negative; i += 1) {
    distance -= bits.ue() + 1;
    set.push({ distance, isUsed: bits.flag() });
  }
  for (let i = 0, distance = 0; i < positive; i += 1) {
    distance += bits.ue() + 1;
    set.push({ distance, isUsed: bits.flag() });
  }
  return set;
}

/** inter_ref_pic_set_prediction_flag: predicted from another set, equations 7-61 and 7-62. */
function predictSet(bits: BitReader, from: ShortTermSet): ShortTermPicture[] {
  const isNegative = bits.flag();
  const delta = (bits.ue() + 1) * (isNegative ? -1 : 1);
  const set: ShortTermPicture[] = [];
  for (let i = 0; i <= from.length; i += 1) {
    const isUsed = bits.flag();
    const isKept = isUsed || bits.flag();
    const distance = (from[i]?.distance ?? 0) + delta;
    if (isKept && distance !== 0 && set.length < MAX_REF_PICS) {
      set.push({ distance, isUsed });
    }
  }
  const earlier = set.filter(({ distance }) => distance < 0).sort((a, b) => b.distance - a.distance);
  const later = set.filter(({ distance }) => distance > 0).sort((a, b) => a.distance - b.distance);
  return [...earlier, ...later];
}

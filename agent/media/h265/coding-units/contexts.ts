/** initValue of each context for I slices, and for the two types of others: H.265 tables 9-5 to 9-37. */
type InitValues = readonly [intra: readonly number[], p: readonly number[], b: readonly number[]];

const same = (...values: readonly number[]): InitValues => [values, values, values];
/** I slices do not have it. */
const inter = (p: readonly number[], b: readonly number[] = p): InitValues => [p.map(() => 154), p, b];

// biome-ignore format: tables of the standard
const LAST_POSITION: InitValues = [
  [110, 110, 124, 125, 140, 153, 125, 127, 140, 109, 111, 143, 127, 111, 79, 108, 123, 63],
  [125, 110, 94, 110, 95, 79, 125, 111, 110, 78, 110, 111, 111, 95, 94, 108, 123, 108],
  [125, 110, 124, 110, 95, 94, 125, 111, 111, 79, 125, 126, 111, 111, 79, 108, 123, 93],
];
// biome-ignore format: tables of the standard
const SIGNIFICANT: InitValues = [
  [111, 111, 125, 110, 110, 94, 124, 108, 124, 107, 125, 141, 179, 153, 125, 107, 125, 141, 179, 153, 125, 107, 125, 141, 179, 153,
    125, 140, 139, 182, 182, 152, 136, 152, 136, 153, 136, 139, 111, 136, 139, 111],
  [155, 154, 139, 153, 139, 123, 123, 63, 153, 166, 183, 140, 136, 153, 154, 166, 183, 140, 136, 153, 154, 166, 183, 140, 136, 153,
    154, 170, 153, 123, 123, 107, 121, 107, 121, 167, 151, 183, 140, 151, 183, 140],
  [170, 154, 139, 153, 139, 123, 123, 63, 124, 166, 183, 140, 136, 153, 154, 166, 183, 140, 136, 153, 154, 166, 183, 140, 136, 153,
    154, 170, 153, 138, 138, 122, 121, 122, 121, 167, 151, 183, 140, 151, 183, 140],
];
// biome-ignore format: tables of the standard
const GREATER_1: InitValues = [
  [140, 92, 137, 138, 140, 152, 138, 139, 153, 74, 149, 92, 139, 107, 122, 152, 140, 179, 166, 182, 140, 227, 122, 197],
  [154, 196, 196, 167, 154, 152, 167, 182, 182, 134, 149, 136, 153, 121, 136, 137, 169, 194, 166, 167, 154, 167, 137, 182],
  [154, 196, 167, 167, 154, 152, 167, 182, 182, 134, 149, 136, 153, 121, 136, 122, 169, 208, 166, 167, 154, 152, 167, 182],
];

// In the order of `CONTEXT`.
// biome-ignore format: tables of the standard
const ELEMENTS: Readonly<Record<string, InitValues>> = {
  saoMerge: same(153),
  saoType: [[200], [185], [160]],
  split: [[139, 141, 157], [107, 139, 126], [107, 139, 126]],
  bypass: same(154),
  skip: inter([197, 185, 201]),
  predictionMode: inter([149], [134]),
  partMode: [[184, 154, 154, 154], [154, 139, 154, 154], [154, 139, 154, 154]],
  intraMode: [[184], [154], [183]],
  chromaMode: [[63], [152], [152]],
  mergeFlag: inter([110], [154]),
  mergeIndex: inter([122], [137]),
  interDirection: inter([95, 79, 63, 31, 31]),
  referenceIndex: inter([153, 153]),
  predictorFlag: inter([168]),
  rootCoded: inter([79]),
  differenceGreater0: inter([140], [169]),
  differenceGreater1: inter([198]),
  transformSplit: [[153, 138, 138], [124, 138, 94], [224, 167, 122]],
  lumaCoded: [[111, 141], [153, 111], [153, 111]],
  chromaCoded: [[94, 138, 182, 154], [149, 107, 167, 154], [149, 92, 167, 154]],
  transformSkip: same(139, 139),
  quantizer: same(154, 154),
  lastX: LAST_POSITION,
  lastY: LAST_POSITION,
  subBlock: [[91, 171, 134, 141], [121, 140, 61, 154], [121, 140, 61, 154]],
  significant: SIGNIFICANT,
  greater1: GREATER_1,
  greater2: [[138, 153, 136, 167, 152, 152], [107, 167, 91, 122, 107, 167], [107, 167, 91, 107, 107, 167]],
};

/** Index of the first context of each syntax element. */
export const CONTEXT = {
  saoMerge: 0,
  saoType: 1,
  split: 2,
  bypass: 5,
  skip: 6,
  predictionMode: 9,
  partMode: 10,
  intraMode: 14,
  chromaMode: 15,
  mergeFlag: 16,
  mergeIndex: 17,
  interDirection: 18,
  referenceIndex: 23,
  predictorFlag: 25,
  rootCoded: 26,
  differenceGreater0: 27,
  differenceGreater1: 28,
  transformSplit: 29,
  lumaCoded: 32,
  chromaCoded: 34,
  transformSkip: 38,
  quantizer: 40,
  lastX: 42,
  lastY: 60,
  subBlock: 78,
  significant: 82,
  greater1: 124,
  greater2: 148,
} as const;
export const CONTEXTS = 154;

const VALUES = [0, 1, 2].map((type) =>
  Uint8Array.from(Object.values(ELEMENTS).flatMap((values) => values[type] ?? [])),
);

/** @param type initType: 0 in I slices. H.265 §9.3.2.2 */
export function resetContexts(states: Uint8Array, type: number, qp: number): void {
  const values = VALUES[type] as Uint8Array;
  const clipped = Math.min(Math.max(qp, 0), 51);
  for (let i = 0; i < CONTEXTS; i += 1) {
    const value = values[i] as number;
    const slope = 5 * (value >> 4) - 45;
    const offset = ((value & 15) << 3) - 16;
    const state = Math.min(Math.max(((slope * clipped) >> 4) + offset, 1), 126);
    states[i] = state <= 63 ? 2 * (63 - state) : 2 * (state - 64) + 1;
  }
}

/** Scale factor bands of a sampling rate, and its limit of temporal noise shaping (TNS). */
export interface BandLayout {
  /** Borders in coefficients, one more than bands. */
  readonly long: Uint16Array;
  readonly short: Uint16Array;
  /** Bands that TNS may reach in AAC-LC: TNS_MAX_BANDS of ISO/IEC 14496-3 §4.6.9. */
  readonly longShaped: number;
  readonly shortShaped: number;
}

/** The widths of the bands of long and short windows, ISO/IEC 14496-3 §4.5.4: `14x4` are 14 bands of 4 coefficients. */
const WIDTHS = {
  long96: '14x4 5x8 5x12 2x16 24 28 36 44 11x64',
  long64: '14x4 4x8 3x12 3x16 20 2x24 28 36 18x40',
  long48: '10x4 7x8 4x12 2x16 2x20 2x24 2x28 19x32 96',
  long32: '10x4 7x8 4x12 2x16 2x20 2x24 2x28 22x32',
  long24: '11x4 10x8 4x12 3x16 2x20 2x24 2x28 32 2x36 40 44 48 2x52 5x64',
  long16: '11x8 9x12 4x16 3x20 2x24 2x28 32 36 2x40 44 48 52 56 60 3x64',
  long8: '13x12 7x16 4x20 3x24 2x28 32 2x36 40 44 48 52 56 60 64 80',
  short96: '6x4 3x8 16 28 36',
  short48: '5x4 3x8 3x12 3x16',
  short24: '7x4 3x8 2x12 2x16 20',
  short16: '8x4 2x8 2x12 16 2x20',
  short8: '7x4 4x8 12 16 2x20',
} as const;
type Widths = keyof typeof WIDTHS;

/** The lowest rate of each layout (table 4.82 assigns other rates to the nearest), its bands and its TNS limit. */
const LAYOUTS: readonly (readonly [fromHz: number, long: Widths, short: Widths, longShaped: number, short: number])[] =
  [
    [75_132, 'long96', 'short96', 31, 9],
    [55_426, 'long64', 'short96', 34, 10],
    [46_009, 'long48', 'short48', 40, 14],
    [37_566, 'long48', 'short48', 42, 14],
    [27_713, 'long32', 'short48', 51, 14],
    [18_783, 'long24', 'short24', 46, 14],
    [9_391, 'long16', 'short16', 42, 14],
    [0, 'long8', 'short8', 39, 14],
  ];

/** The bands of a sampling rate; rates that are not in the standard get those of the nearest layout (table 4.82). */
export function bandLayout(rateHz: number): BandLayout {
  const at = LAYOUTS.findIndex(([fromHz]) => rateHz >= fromHz);
  const [, long, short, longShaped, shortShaped] = LAYOUTS[at] as (typeof LAYOUTS)[number];
  return { long: borders(WIDTHS[long]), short: borders(WIDTHS[short]), longShaped, shortShaped };
}

function borders(widths: string): Uint16Array {
  const borders = [0];
  for (const run of widths.split(' ')) {
    const [width = 0, count = 1] = run.split('x').map(Number).reverse();
    for (let i = 0; i < count; i += 1) {
      borders.push((borders.at(-1) as number) + width);
    }
  }
  return Uint16Array.from(borders);
}

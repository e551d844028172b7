export const LONG_SAMPLES = 1024;
export const SHORT_SAMPLES = 128;
export const SHORT_WINDOWS = 8;

/** window_sequence, ISO/IEC 14496-3 table 4.44. */
export const ONLY_LONG = 0;
export const LONG_START = 1;
export const EIGHT_SHORT = 2;
export const LONG_STOP = 3;

/** Codebook numbers without a codebook, table 4.151: zero, noise, and intensity with opposite and with the same sign. */
export const ZERO_BOOK = 0;
export const NOISE_BOOK = 13;
export const OPPOSITE_BOOK = 14;
export const INTENSITY_BOOK = 15;

/** Bands in all groups: at most 8 groups of 15, or 51. */
export const MAX_BANDS = 120;
export const MAX_SHAPER_ORDER = 12;
const MAX_PULSES = 4;

/** A filter of temporal noise shaping (tns_data, ISO/IEC 14496-3 table 4.54). */
export interface TnsFilter {
  window: number;
  /** Coefficients that it covers: bands counted from the top. */
  fromBand: number;
  toBand: number;
  order: number;
  isDownward: boolean;
  /** Reflection coefficients. */
  readonly reflections: Float64Array;
}

/** One channel of a frame (individual_channel_stream, table 4.50). Each frame overwrites it. */
export class Channel {
  windowSequence = ONLY_LONG;
  /** 0: sine, 1: Kaiser-Bessel derived. */
  windowShape: 0 | 1 = 0;
  /** Borders of the bands of one window, from the layout. */
  borders: Uint16Array = new Uint16Array(0);
  /** Transmitted bands of each group (max_sfb). */
  bands = 0;
  /** Short windows with the same scale factors are a group; a long window is one. */
  groups = 1;
  readonly groupWindows = new Uint8Array(SHORT_WINDOWS);
  /** By `group * bands + band`: codebook, and scale factor: 100 + level, intensity position, or noise energy. */
  readonly books = new Uint8Array(MAX_BANDS);
  readonly scales = new Int16Array(MAX_BANDS);
  pulses = 0;
  readonly pulsePlaces = new Uint16Array(MAX_PULSES);
  readonly pulseHeights = new Uint8Array(MAX_PULSES);
  shapers = 0;
  /** One for each short window, three for a long one. */
  readonly shaper: readonly TnsFilter[] = Array.from({ length: 8 }, () => ({
    window: 0,
    fromBand: 0,
    toBand: 0,
    order: 0,
    isDownward: false,
    reflections: new Float64Array(MAX_SHAPER_ORDER),
  }));
  /** Short windows are consecutive. */
  readonly quantised = new Int16Array(LONG_SAMPLES);
  readonly spectrum = new Float64Array(LONG_SAMPLES);

  get isShort(): boolean {
    return this.windowSequence === EIGHT_SHORT;
  }

  /** The windows of both channels of a pair are the same (common_window). */
  copyWindowsOf(other: Channel): void {
    this.windowSequence = other.windowSequence;
    this.windowShape = other.windowShape;
    this.borders = other.borders;
    this.bands = other.bands;
    this.groups = other.groups;
    this.groupWindows.set(other.groupWindows);
  }
}

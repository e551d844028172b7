import { SLICE_TYPE, type SliceType } from '../../../media/payload/slice-reader.ts';
import { Background } from './background.ts';

/**
 * The bits of the background depend on the distance to the last I picture: the first pictures after it repeat it, later ones refine it
 * towards the noise of the sensor. Each number is the first distance of a class of P pictures.
 */
const DISTANCES = [1, 2, 3, 4, 5, 7, 10, 15, 25, 50] as const;
const B_REFERENCE = DISTANCES.length;
const B_DISPOSABLE = B_REFERENCE + 1;
const CLASSES = B_DISPOSABLE + 1;

/** The smallest deviation of a picture's cost: bits of a macroblock at the middle quantiser, and a share of the median. */
const MIN_BITS = 0.43;
const MIN_SHARE = 0.003;
const MIDDLE_QP = 26;
/** A single picture, however large, adds at most this share of the threshold. */
const MAX_OF_ONE = 0.7;
/** Pictures this many deviations cheaper than usual for `LOW_MS` are the new background: the noise of the night, or rain, has ended. */
const LOW = -3;
const LOW_MS = 1_500;
/** If the quantiser is finer than usual by more than this, the picture repeats the background more exactly: its cost does not mean motion. */
const FINER = 0.75;
const QP_STEP = 0.1;
const SMOOTHING_MS = 250;
/** Smoothed deviations that begin motion at a sensitivity of 50, and the share of them that keeps it. */
const THRESHOLD = 1.7;
const KEEPING = 0.45;
/** From this share of the threshold on, the background is not learnt. */
const LEARNING = 0.6;
/** Motion ends when the score has been below `KEEPING` for this long. */
const REST_MS = 2_000;
/** A change that lasts this long is the new background: rain, or other light. */
const MAX_MOTION_MS = 30_000;
/** The same after a picture that cost as much as an I picture: the camera has switched its infrared light, or has turned. */
const MAX_GLOBAL_MS = 5_000;
const GLOBAL_SHARE = 0.5;
/** Pictures further apart belong to different streams. */
const MAX_GAP_MS = 5_000;

/** A picture of a stream, as its slice headers describe it. */
export interface CodedPicture {
  readonly type: SliceType;
  /** Mean QP of its slices. */
  readonly qp: number;
  /** Size of its slices. */
  readonly bytes: number;
  readonly isReference: boolean;
}

/**
 * Detects motion by the cost of pictures: bits × 2^(QP/6), which does not depend on the quantiser. It is compared with the median of the
 * last quiet pictures at the same place in their group. I pictures cost the same with motion and without it, so they do not count.
 */
export class MotionDetector {
  /** Share of the threshold: motion begins at 1. */
  score = 0;
  isMoving = false;
  #background = new Background(CLASSES, 0, MIN_SHARE);
  // Quantisers by class of pictures.
  readonly #steadyQps = new Float32Array(CLASSES).fill(Number.NaN);
  readonly #usualQps = new Float32Array(CLASSES).fill(Number.NaN);
  #threshold = THRESHOLD;
  #smoothed = 0;
  #distance = 0;
  #timeMs = Number.NaN;
  #sinceMs = 0;
  #restMs = 0;
  /** Time at which pictures began to cost less; NaN: they do not. */
  #lowMs = Number.NaN;
  #intraCost = Number.POSITIVE_INFINITY;
  #isGlobal = false;

  /** Called when a stream with pictures of this size begins: learns it from the start. Does not end a motion. */
  begin(width: number, height: number): void {
    this.#background = new Background(CLASSES, (MIN_BITS * width * height) / 256, MIN_SHARE);
    this.#steadyQps.fill(Number.NaN);
    this.#usualQps.fill(Number.NaN);
    this.#intraCost = Number.POSITIVE_INFINITY;
    this.#timeMs = Number.NaN;
    this.#smoothed = 0;
  }

  /** @param sensitivity 0 to 100; 50 is the usual one */
  set sensitivity(sensitivity: number) {
    this.#threshold = THRESHOLD * 2 ** ((50 - sensitivity) / 40);
  }

  /** The next picture in decode order. @returns whether `isMoving` has changed */
  add({ type, qp, bytes, isReference }: CodedPicture, timeMs: number): boolean {
    if (type === SLICE_TYPE.i) {
      this.#distance = 0;
      this.#intraCost = costOf(bytes, qp);
      return false;
    }
    this.#distance += type === SLICE_TYPE.p ? 1 : 0;
    const kind = type === SLICE_TYPE.p ? classOf(this.#distance) : isReference ? B_REFERENCE : B_DISPOSABLE;
    const steadyQp = this.#steadyQp(kind, qp);
    const cost = costOf(bytes, steadyQp);
    const isFiner = qp < this.#usualQp(kind, qp) - FINER;
    const above = this.#background.above(kind, cost);
    const elapsedMs = Math.min(Math.max(timeMs - this.#timeMs, 0), MAX_GAP_MS) || 0;
    this.#timeMs = timeMs;
    if (above !== undefined) {
      this.#followDown(above, timeMs);
    }
    if (above !== undefined && (this.isMoving || !isFiner)) {
      const weight = 1 - Math.exp(-elapsedMs / SMOOTHING_MS);
      const most = Math.min(9, (MAX_OF_ONE * this.#threshold) / weight);
      const counted = Math.min(Math.max(above, -2), isFiner ? 0 : most);
      this.#smoothed += (counted - this.#smoothed) * weight;
      this.#isGlobal ||= cost > GLOBAL_SHARE * this.#intraCost;
    }
    this.score = Math.max(this.#smoothed, 0) / this.#threshold;
    const isQuiet = !this.isMoving && this.score < LEARNING;
    if (isQuiet || Number.isNaN(this.#steadyQps[kind])) {
      this.#steadyQps[kind] = steadyQp;
    }
    this.#background.add(kind, cost, isQuiet, timeMs);
    return this.isMoving ? this.#mayEnd(timeMs) : this.#mayBegin(timeMs);
  }

  /** Encoders that choose the quantiser for each macroblock round it in the slice header, which jumps by one between equal pictures. */
  #steadyQp(kind: number, qp: number): number {
    const known = this.#steadyQps[kind] as number;
    return Number.isNaN(known) ? qp : Math.min(Math.max(known, qp - 1), qp + 1);
  }

  /** Follows the quantiser slowly. */
  #usualQp(kind: number, qp: number): number {
    const known = this.#usualQps[kind] as number;
    const usual = Number.isNaN(known) ? qp : known + Math.min(Math.max(qp - known, -QP_STEP), QP_STEP);
    this.#usualQps[kind] = usual;
    return usual;
  }

  #followDown(above: number, timeMs: number): void {
    if (above > LOW || this.isMoving) {
      this.#lowMs = Number.NaN;
    } else if (Number.isNaN(this.#lowMs)) {
      this.#lowMs = timeMs;
      this.#background.mark();
    } else if (timeMs - this.#lowMs >= LOW_MS) {
      this.#lowMs = Number.NaN;
      this.#background.replace();
    }
  }

  #mayBegin(timeMs: number): boolean {
    if (this.score < 1) {
      // `#isGlobal` is about the pictures that lead to a motion only.
      this.#isGlobal &&= this.score > LEARNING;
      return false;
    }
    this.isMoving = true;
    this.#background.mark();
    this.#sinceMs = timeMs;
    this.#restMs = timeMs;
    return true;
  }

  #mayEnd(timeMs: number): boolean {
    if (this.score >= KEEPING) {
      this.#restMs = timeMs;
    }
    const isAbsorbed = timeMs - this.#sinceMs >= (this.#isGlobal ? MAX_GLOBAL_MS : MAX_MOTION_MS);
    if (isAbsorbed) {
      this.#background.replace();
      this.#smoothed = 0;
    } else if (timeMs - this.#restMs < REST_MS) {
      return false;
    }
    this.isMoving = false;
    this.#isGlobal = false;
    return true;
  }
}

/** Bits that the picture would have at the middle quantiser. */
const costOf = (bytes: number, qp: number): number => 8 * bytes * 2 ** ((qp - MIDDLE_QP) / 6);

function classOf(distance: number): number {
  let kind = DISTANCES.length - 1;
  while (kind > 0 && distance < (DISTANCES[kind] as number)) {
    kind -= 1;
  }
  return kind;
}

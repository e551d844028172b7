import { explain, rethrowUnexpected } from '../../../base/errors.ts';
import { H264SliceReader } from '../../../media/h264/slice-reader.ts';
import { H265SliceReader } from '../../../media/h265/slice-reader.ts';
import { NAL_LENGTH_BYTES, readNalLength } from '../../../media/payload/nal.ts';
import { SLICE_TYPE, type SliceReader, type SliceType } from '../../../media/payload/slice-reader.ts';
import type { NalTrack } from '../../../media/sample/track.ts';
import { BlockReader } from '../../../picture/block-reader.ts';
import { type CodedPicture, MotionDetector } from './detector.ts';
import type { MovedCells } from './moved-cells.ts';
import { type MotionArea, type MotionRules, type MovingBox, RegionDetector } from './region-detector.ts';

/** The picture of a sample, from its slice headers. One instance serves a track until its parameter sets change. */
export class PictureReader implements CodedPicture {
  type: SliceType = SLICE_TYPE.i;
  qp = 0;
  bytes = 0;
  isReference = false;
  readonly #slices: SliceReader;

  /** @throws PerchError if a parameter set of the track is invalid */
  constructor(track: NalTrack) {
    this.#slices = track.codec === 'h264' ? new H264SliceReader(track) : new H265SliceReader(track);
  }

  /** @param data of a sample. @returns whether it has slices with headers that can be read */
  read(data: Uint8Array): boolean {
    const slices = this.#slices;
    this.type = SLICE_TYPE.i;
    this.bytes = 0;
    let weighted = 0;
    for (let at = 0; at + NAL_LENGTH_BYTES < data.length; ) {
      const start = at + NAL_LENGTH_BYTES;
      const end = Math.min(start + readNalLength(data, at), data.length);
      at = end;
      if (slices.read(data, start, end)) {
        if (slices.type > this.type) {
          this.type = slices.type;
        }
        this.isReference = slices.isReference;
        this.bytes += end - start;
        weighted += slices.qp * (end - start);
      }
    }
    this.qp = this.bytes === 0 ? 0 : weighted / this.bytes;
    return this.bytes > 0;
  }
}

/** From this share of the threshold of whole pictures on, blocks are read as often as `MAX_BLOCKS_PER_S` allows. */
const FLOOR = 0.5;
/** All pictures up to 1280x720, three per second of 3840x2160: recording has priority. */
const MAX_BLOCKS_PER_S = 100_000;
/** Limits while nothing moves; one picture is read at least every `MAX_IDLE_PAUSE_MS`. */
const IDLE_BLOCKS_PER_S = 3_500;
const IDLE_BYTES_PER_S = 9_000;
const MAX_IDLE_PAUSE_MS = 1_500;
/** Pause between two pictures while something moves: its end is not urgent, and a box on the page may be half a second old. */
const MOVING_PAUSE_MS = 490;
/** Unreadable pictures in a row after which whole pictures decide. */
const MAX_UNREADABLE = 50;

/**
 * Detects motion in the pictures of a track in two stages: the cost of whole pictures decides how often blocks are read, and the blocks
 * decide whether there is motion. Where blocks cannot be read, whole pictures decide.
 */
export class TrackMotion {
  readonly #pictures: PictureReader;
  readonly #whole = new MotionDetector();
  #blocks: BlockReader | undefined;
  #regions: RegionDetector | undefined;
  #readMs = Number.NEGATIVE_INFINITY;
  /** Size of the last picture whose blocks were read. */
  #readBytes = 0;
  #unreadable = 0;
  #failure: string | undefined;

  /** @throws PerchError if a parameter set of the track is invalid */
  constructor(track: NalTrack) {
    this.#pictures = new PictureReader(track);
    this.#whole.begin(track.width, track.height);
    try {
      this.#blocks = new BlockReader(track);
      this.#regions = new RegionDetector(this.#blocks.field, track.width, track.height);
    } catch (error) {
      rethrowUnexpected(error);
      this.#failure = explain(error);
    }
  }

  /** Why blocks cannot be read, or undefined if they are. */
  get failure(): string | undefined {
    return this.#failure;
  }

  get isMoving(): boolean {
    return this.#decider.isMoving;
  }

  /** Share of the threshold: motion begins at 1. */
  get score(): number {
    return this.#decider.score;
  }

  /** Where something moves, or moved last, or undefined if blocks cannot be read. */
  get area(): MotionArea | undefined {
    return this.#regions?.area;
  }

  /** Zones of the rules in which something moves, or moved last, by their bits; 0 if blocks cannot be read. */
  get zones(): number {
    return this.#regions?.zones ?? 0;
  }

  /** What moves now, or undefined if blocks cannot be read, so that zones, masks and sizes have no effect. */
  get boxes(): readonly MovingBox[] | undefined {
    return this.#regions?.boxes;
  }

  /** Where something has moved since its `clear`, or undefined if blocks cannot be read. */
  get moved(): MovedCells | undefined {
    return this.#regions?.moved;
  }

  set rules(rules: MotionRules) {
    this.#whole.sensitivity = rules.sensitivity;
    if (this.#regions) {
      this.#regions.rules = rules;
    }
  }

  /** Forgets where the present motion has been so far. @returns whether something still moves, as far as is known */
  restart(): boolean {
    return this.#regions?.restart() ?? true;
  }

  /** @param data of the next sample in decode order. @returns whether `isMoving` has changed */
  add(data: Uint8Array, timeMs: number): boolean {
    const pictures = this.#pictures;
    if (!pictures.read(data)) {
      return false;
    }
    const isWholeChange = this.#whole.add(pictures, timeMs);
    const [blocks, regions] = [this.#blocks, this.#regions];
    if (!blocks || !regions) {
      return isWholeChange;
    }
    if (pictures.type === SLICE_TYPE.i || timeMs - this.#readMs < this.#pauseMs(blocks, regions)) {
      blocks.follow(data);
      return blocks.failure === undefined ? false : this.#giveUp(blocks.failure);
    }
    this.#readMs = timeMs;
    this.#readBytes = pictures.bytes;
    if (!blocks.read(data)) {
      this.#unreadable += 1;
      const tooMany = `${MAX_UNREADABLE} pictures in a row cannot be read`;
      const failure = blocks.failure ?? (this.#unreadable === MAX_UNREADABLE ? tooMany : undefined);
      return failure === undefined ? false : this.#giveUp(failure);
    }
    this.#unreadable = 0;
    return regions.add(timeMs);
  }

  /** Shortest pause between two pictures whose blocks are read. */
  #pauseMs({ field }: BlockReader, regions: RegionDetector): number {
    const count = field.bits.length;
    const leastMs = (1000 * count) / MAX_BLOCKS_PER_S;
    if (regions.isMoving) {
      return Math.max(leastMs, MOVING_PAUSE_MS);
    }
    if (regions.isBusy || this.#whole.score >= FLOOR) {
      return leastMs;
    }
    const idleMs = 1000 * Math.max(count / IDLE_BLOCKS_PER_S, this.#readBytes / IDLE_BYTES_PER_S);
    return Math.max(leastMs, Math.min(idleMs, MAX_IDLE_PAUSE_MS));
  }

  /** @returns whether `isMoving` has changed */
  #giveUp(failure: string): boolean {
    this.#failure = failure;
    const wasMoving = this.isMoving;
    this.#blocks = undefined;
    this.#regions = undefined;
    return wasMoving !== this.isMoving;
  }

  get #decider(): MotionDetector | RegionDetector {
    return this.#regions ?? this.#whole;
  }
}

import type { BlockField } from '../../../picture/block-reader.ts';
import { type BlockGrid, countedBlocks, gridOf, type Polygon, zoneBits } from './block-areas.ts';
import { BlockCosts } from './block-costs.ts';
import { MovedCells } from './moved-cells.ts';

/** Excess of the blocks of a region that begins motion at a sensitivity of 50, in bits at the middle quantiser. */
const THRESHOLD_BITS = 400;
/** Groups of blocks below this share of the threshold are ignored. */
const MIN_SHARE = 0.25;
/** A single picture counts as at most this many thresholds, a single block as at most `MAX_BLOCK_BITS`. */
const MAX_OF_ONE = 2.5;
const MAX_BLOCK_BITS = 1_500;
const SMOOTHING_MS = 250;
/** Number of pictures in which a region has to be seen before it counts. */
const MIN_PICTURES = 3;
const MAX_REGIONS = 16;
/** A region that is missing in more pictures than this was noise: the next pictures are not urgent. */
const MAX_MISSED = 1;
/** A region that has not been seen for this long is dropped. */
const FORGET_MS = 1_000;
/** Motion continues above this share of the threshold, and ends `REST_MS` after the score was last above it. */
const KEEPING = 0.45;
const REST_MS = 2_000;
/** In motion that lasts longer than this, moving blocks are learnt as fast as others. */
const MAX_HOLD_MS = 30_000;
/** A region has a direction once it has moved by this many blocks. */
const MIN_DISTANCE_BLOCKS = 1.5;

type Direction = 'left' | 'right' | 'up' | 'down';

/** Which motion counts. */
export interface MotionRules {
  /** 0 to 100; the default is 50. */
  readonly sensitivity: number;
  /** Empty: the whole picture. */
  readonly zones: readonly Polygon[];
  readonly masks: readonly Polygon[];
  /** Smallest area of the box around what moves, as a share of the picture. */
  readonly minSize: number;
}

/** What moves now, or is too small to count, in shares of the picture. */
export interface MovingBox {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Share of the threshold that begins motion; 0: too small. */
  readonly score: number;
}

/** Where something moves, in shares of the picture. */
export interface MotionArea {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Undefined: it stays where it is. */
  readonly direction: Direction | undefined;
  /** When its score was highest, in times of `add`. */
  readonly peakMs: number;
}

/** Blocks that stand out together. Edges are blocks, inclusive. */
class Region {
  left = 0;
  top = 0;
  right = 0;
  bottom = 0;
  x = 0;
  y = 0;
  bits = 0;
  /** A bit for each zone that it is in. */
  zones = 0;
  firstX = 0;
  firstY = 0;
  score = 0;
  /** Pictures in which it had the minimum size. */
  pictures = 0;
  seenMs = 0;
  isSeen = false;
  /** Pictures in a row without it. */
  missed = 0;
}

/** Detects motion by the blocks of pictures: groups of blocks that cost more than usual in several pictures, at the same place or moving. */
export class RegionDetector {
  /** Share of the threshold that begins motion. */
  score = 0;
  isMoving = false;
  readonly moved: MovedCells;
  readonly #field: BlockField;
  readonly #grid: BlockGrid;
  readonly #costs: BlockCosts;
  /** The first `#count` are in use. */
  readonly #regions = Array.from({ length: MAX_REGIONS }, () => new Region());
  #count = 0;
  /** A region was seen in one of the last pictures. */
  #isFollowing = false;
  /** Group of blocks that was found last while the picture is searched. */
  readonly #found = new Region();
  readonly #stack: Int32Array;
  #zoneBits: Uint16Array;
  #thresholdBits = THRESHOLD_BITS;
  #minBlocks = 0;
  #timeMs = Number.NaN;
  #sinceMs = 0;
  #restMs = 0;
  // The present or the last motion: its edges, and the movement, in blocks, of the region that has moved furthest.
  readonly #area = new Region();
  #movedX = 0;
  #movedY = 0;

  /** @param width of the picture in pixels, after cropping */
  constructor(field: BlockField, width: number, height: number) {
    this.#field = field;
    this.#grid = gridOf(field, width, height);
    this.#costs = new BlockCosts(field);
    this.moved = new MovedCells(this.#grid);
    this.#stack = new Int32Array(field.bits.length);
    this.#zoneBits = new Uint16Array(field.bits.length);
  }

  set rules({ sensitivity, zones, masks, minSize }: MotionRules) {
    this.#thresholdBits = THRESHOLD_BITS * 2 ** ((50 - sensitivity) / 40);
    this.#minBlocks = minSize * this.#grid.across * this.#grid.down;
    this.#costs.counts = countedBlocks(this.#grid, zones, masks);
    this.#zoneBits = zoneBits(this.#grid, zones);
    this.#area.zones = 0;
    for (const region of this.#regions) {
      region.zones = 0;
    }
  }

  /** Forgets where the present motion has been so far. @returns whether something still moves */
  restart(): boolean {
    for (const region of this.#regions) {
      region.firstX = region.x;
      region.firstY = region.y;
    }
    this.#clearArea();
    this.#follow();
    return this.score >= KEEPING;
  }

  /** Whether every picture is needed: the detector is learning, or motion may begin. */
  get isBusy(): boolean {
    return this.#costs.isLearning || this.#isFollowing;
  }

  /** Where the present or the last motion is. */
  get area(): MotionArea {
    const { seenMs: peakMs } = this.#area;
    return { ...boxOf(this.#area, this.#grid), direction: directionOf(this.#movedX, this.#movedY), peakMs };
  }

  /** Zones of the rules that the present or the last motion has been in: a bit for each, the first the lowest. */
  get zones(): number {
    return this.#area.zones;
  }

  /** What has moved within the last second. */
  get boxes(): readonly MovingBox[] {
    return this.#regions.slice(0, this.#count).map((region) => {
      const score = region.pictures >= MIN_PICTURES ? Math.round(region.score * 100) / 100 : 0;
      return { ...boxOf(region, this.#grid), score };
    });
  }

  /** Called when the field has the next picture that is not intra. @returns whether `isMoving` has changed */
  add(timeMs: number): boolean {
    const elapsedMs = Math.min(Math.max(timeMs - this.#timeMs, 0), 1_000) || 0;
    this.#timeMs = timeMs;
    this.#costs.add(timeMs);
    if (!this.#costs.isLearning) {
      this.moved.add(this.#costs.allExcess, MIN_SHARE * this.#thresholdBits, timeMs);
    }
    const weight = 1 - Math.exp(-elapsedMs / SMOOTHING_MS);
    this.#costs.scatter(this.#search(weight), elapsedMs);
    this.#fade(weight);
    const isChange = this.isMoving ? this.#mayEnd() : this.#mayBegin();
    if (this.isMoving) {
      if (isChange) {
        this.#clearArea();
      }
      this.#follow();
    }
    return isChange;
  }

  /** @returns the number of groups of blocks that stand out */
  #search(weight: number): number {
    const { excess } = this.#costs;
    let groups = 0;
    for (let block = 0; block < excess.length; block += 1) {
      if ((excess[block] as number) > 0) {
        this.#collect(block);
        groups += 1;
        if (this.#found.bits >= MIN_SHARE * this.#thresholdBits) {
          this.#assign(weight);
        }
      }
    }
    return groups;
  }

  /** Moves the block, and all blocks connected to it, from the excess to `#found`. */
  #collect(first: number): void {
    const { columns, rows } = this.#field;
    const { excess } = this.#costs;
    const found = this.#found;
    const stack = this.#stack;
    found.left = columns;
    found.top = rows;
    found.right = 0;
    found.bottom = 0;
    found.bits = 0;
    found.zones = 0;
    let [sumX, sumY, size] = [0, 0, 1];
    let bits = Math.min(excess[first] as number, MAX_BLOCK_BITS);
    stack[0] = first;
    excess[first] = -bits;
    while (size > 0) {
      size -= 1;
      const block = stack[size] as number;
      const x = block % columns;
      const y = (block - x) / columns;
      bits = -(excess[block] as number);
      excess[block] = 0;
      found.bits += bits;
      found.zones |= this.#zoneBits[block] as number;
      sumX += bits * x;
      sumY += bits * y;
      found.left = Math.min(found.left, x);
      found.right = Math.max(found.right, x);
      found.top = Math.min(found.top, y);
      found.bottom = Math.max(found.bottom, y);
      for (let row = Math.max(y - 1, 0); row <= Math.min(y + 1, rows - 1); row += 1) {
        for (let column = Math.max(x - 1, 0); column <= Math.min(x + 1, columns - 1); column += 1) {
          const next = row * columns + column;
          const more = excess[next] as number;
          if (more > 0) {
            // A negative excess marks a block that is on the stack.
            excess[next] = -Math.min(more, MAX_BLOCK_BITS);
            stack[size] = next;
            size += 1;
          }
        }
      }
    }
    found.x = sumX / found.bits;
    found.y = sumY / found.bits;
  }

  /** Adds `#found` to the nearest region that it touches, or to a new one. */
  #assign(weight: number): void {
    const found = this.#found;
    const isLarge = (found.right + 1 - found.left) * (found.bottom + 1 - found.top) >= this.#minBlocks;
    let best: Region | undefined;
    let bestDistance = Number.POSITIVE_INFINITY;
    for (let i = 0; i < this.#count; i += 1) {
      const region = this.#regions[i] as Region;
      const distance = Math.abs(region.x - found.x) + Math.abs(region.y - found.y);
      if (touches(region, found) && distance < bestDistance) {
        best = region;
        bestDistance = distance;
      }
    }
    if (!best) {
      if (this.#count === MAX_REGIONS) {
        return;
      }
      best = this.#regions[this.#count] as Region;
      this.#count += 1;
      best.score = 0;
      best.pictures = 0;
      best.isSeen = false;
      best.firstX = found.x;
      best.firstY = found.y;
    }
    if (!best.isSeen) {
      best.isSeen = true;
      best.pictures += isLarge ? 1 : 0;
      best.seenMs = this.#timeMs;
      best.score += ((isLarge ? Math.min(found.bits / this.#thresholdBits, MAX_OF_ONE) : 0) - best.score) * weight;
      moveTo(best, found);
    }
  }

  /** Regions that were not seen lose their score, and are dropped after a while. */
  #fade(weight: number): void {
    const regions = this.#regions;
    this.score = 0;
    this.#isFollowing = false;
    let kept = 0;
    for (let i = 0; i < this.#count; i += 1) {
      const region = regions[i] as Region;
      region.score -= region.isSeen ? 0 : region.score * weight;
      region.missed = region.isSeen ? 0 : region.missed + 1;
      region.isSeen = false;
      if (this.#timeMs - region.seenMs < FORGET_MS) {
        // Swapped, because dropped regions are reused.
        regions[i] = regions[kept] as Region;
        regions[kept] = region;
        kept += 1;
        this.#isFollowing ||= region.missed <= MAX_MISSED;
        this.score = region.pictures >= MIN_PICTURES ? Math.max(this.score, region.score) : this.score;
      }
    }
    this.#count = kept;
  }

  #mayBegin(): boolean {
    if (this.score < 1) {
      return false;
    }
    this.isMoving = true;
    this.#sinceMs = this.#timeMs;
    this.#restMs = this.#timeMs;
    return true;
  }

  #mayEnd(): boolean {
    if (this.score >= KEEPING) {
      this.#restMs = this.#timeMs;
    } else if (this.#timeMs - this.#restMs >= REST_MS) {
      this.isMoving = false;
      return true;
    }
    return false;
  }

  #clearArea(): void {
    const area = this.#area;
    area.left = this.#field.columns - 1;
    area.top = this.#field.rows - 1;
    area.right = 0;
    area.bottom = 0;
    area.zones = 0;
    area.score = 0;
    this.#movedX = 0;
    this.#movedY = 0;
  }

  /** Widens the area by the regions that move. */
  #follow(): void {
    const area = this.#area;
    if (this.score > area.score) {
      area.score = this.score;
      area.seenMs = this.#timeMs;
    }
    const isYoung = this.#timeMs - this.#sinceMs < MAX_HOLD_MS;
    for (let i = 0; i < this.#count; i += 1) {
      const region = this.#regions[i] as Region;
      if (region.pictures < MIN_PICTURES || region.score < KEEPING) {
        continue;
      }
      area.left = Math.min(area.left, region.left);
      area.top = Math.min(area.top, region.top);
      area.right = Math.max(area.right, region.right);
      area.bottom = Math.max(area.bottom, region.bottom);
      area.zones |= region.zones;
      const movedX = region.x - region.firstX;
      const movedY = region.y - region.firstY;
      if (Math.abs(movedX) + Math.abs(movedY) > Math.abs(this.#movedX) + Math.abs(this.#movedY)) {
        this.#movedX = movedX;
        this.#movedY = movedY;
      }
      if (isYoung) {
        this.#costs.hold(region.left, region.top, region.right, region.bottom, REST_MS);
      }
    }
  }
}

function moveTo(region: Region, found: Region): void {
  region.left = found.left;
  region.top = found.top;
  region.right = found.right;
  region.bottom = found.bottom;
  region.x = found.x;
  region.y = found.y;
  region.zones = found.zones;
}

/** Whether they overlap or are adjacent, diagonally included. */
const touches = (a: Region, b: Region): boolean =>
  a.left <= b.right + 1 && a.right >= b.left - 1 && a.top <= b.bottom + 1 && a.bottom >= b.top - 1;

function boxOf({ left, top, right, bottom }: Region, { across, down }: BlockGrid) {
  const share = (blocks: number, all: number) => Math.round((1000 * blocks) / all) / 1000;
  return {
    x: share(left, across),
    y: share(top, down),
    width: share(Math.min(right + 1, across) - left, across),
    height: share(Math.min(bottom + 1, down) - top, down),
  };
}

function directionOf(x: number, y: number): Direction | undefined {
  if (Math.max(Math.abs(x), Math.abs(y)) < MIN_DISTANCE_BLOCKS) {
    return undefined;
  }
  if (Math.abs(x) >= Math.abs(y)) {
    return x > 0 ? 'right' : 'left';
  }
  return y > 0 ? 'down' : 'up';
}

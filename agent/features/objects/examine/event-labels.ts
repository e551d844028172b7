import type { LabelType } from '../../../base/event-kinds.ts';
import type { PicturePart } from '../../../picture/contracts.ts';
import type { EventLabel } from '../../../record/events/event.ts';
import type { FoundObject } from '../detector/contract.ts';

/** A label needs two pictures with this score, or one with `SURE`. */
const LIKELY = 0.45;
const SURE = 0.6;
/** An object that stays for this many pictures is reported only after it has left. */
const STILL_PICTURES = 3;
/** Boxes that overlap by this share of their union are one object that stays. */
const SAME_PLACE = 0.5;
/** Pictures without an object after which it has left. */
const GONE_PICTURES = 3;

type Box = EventLabel['box'];

/** What is seen in a picture, and whether it moves. */
export interface SeenObject extends FoundObject {
  /** Undefined: not known, as in the first picture of a camera whose motion cannot be read. */
  readonly moves: boolean | undefined;
}

interface StillObject {
  readonly type: FoundObject['type'];
  box: Box;
  /** Pictures without motion. */
  still: number;
  /** Pictures in a row without it. */
  missed: number;
}

/** The objects of a camera that stay: parked cars. They are remembered from one event to the next. */
export class StillObjects {
  #known: StillObject[] = [];

  /** @param part of the picture in which objects were looked for @returns those that move, and do not stay at their place */
  add(seen: readonly SeenObject[], part: PicturePart): readonly SeenObject[] {
    const found = new Set<StillObject>();
    const moving = seen.filter((object) => {
      if (object.moves === undefined) {
        return false;
      }
      const known = this.#known.find((one) => one.type === object.type && overlapOf(one.box, object.box) >= SAME_PLACE);
      if (known) {
        found.add(known);
        known.box = object.box;
        known.still += object.moves ? 0 : 1;
      } else if (!object.moves && this.#known.length < 50) {
        const one = { type: object.type, box: object.box, still: 1, missed: 0 };
        found.add(one);
        this.#known.push(one);
      }
      return object.moves && (known?.still ?? 0) < STILL_PICTURES;
    });
    for (const one of this.#known) {
      one.missed = found.has(one) ? 0 : one.missed + (isWithin(one.box, part) ? 1 : 0);
    }
    this.#known = this.#known.filter(({ missed }) => missed < GONE_PICTURES);
    return moving;
  }
}

interface Candidate {
  pictures: number;
  best: EventLabel;
}

/** The labels of one event. */
export class EventLabels {
  readonly #wanted: readonly LabelType[];
  readonly #still: StillObjects;
  readonly #candidates = new Map<LabelType, Candidate>();

  constructor(wanted: readonly LabelType[], still: StillObjects) {
    this.#wanted = wanted;
    this.#still = still;
  }

  /**
   * @param timeUs of the picture, Unix microseconds @param part of the picture in which objects were looked for
   * @returns whether there are more labels
   */
  add(seen: readonly SeenObject[], timeUs: number, part: PicturePart): boolean {
    const before = this.labels.length;
    const ofPicture = new Map<LabelType, EventLabel>();
    for (const { type, score, box } of this.#still.add(seen.filter(isLikely), part)) {
      const wanted = this.#wanted.find((one) => one === type);
      if (wanted && score > (ofPicture.get(wanted)?.score ?? 0)) {
        ofPicture.set(wanted, { type: wanted, score, box: withinPicture(box), at: timeUs });
      }
    }
    for (const [type, label] of ofPicture) {
      const known = this.#candidates.get(type) ?? { pictures: 0, best: label };
      // A label that was reported stays as it is.
      const best = !isCertain(known) && label.score > known.best.score ? label : known.best;
      this.#candidates.set(type, { pictures: known.pictures + 1, best });
    }
    return this.labels.length > before;
  }

  /** Those that are certain. */
  get labels(): readonly EventLabel[] {
    return [...this.#candidates.values()].filter(isCertain).map(({ best }) => best);
  }

  /** An object was seen that another picture may confirm. */
  get isPending(): boolean {
    return [...this.#candidates.values()].some((one) => !isCertain(one));
  }
}

export const isLikely = ({ score }: SeenObject): boolean => score >= LIKELY;

const isCertain = ({ pictures, best }: Candidate): boolean => best.score >= SURE || pictures >= 2;

function withinPicture({ x, y, width, height }: Box): Box {
  const [left, top] = [Math.max(x, 0), Math.max(y, 0)];
  return {
    ...{ x: left, y: top },
    width: Math.max(0, Math.min(width - (left - x), 1 - left)),
    height: Math.max(0, Math.min(height - (top - y), 1 - top)),
  };
}

/** Whether the part shows all of the box that lies in the picture. */
const isWithin = ({ x, y, width, height }: Box, part: PicturePart): boolean =>
  Math.max(x, 0) >= part.x &&
  Math.max(y, 0) >= part.y &&
  // Sums of shares have rounding errors.
  Math.min(x + width, 1) <= part.x + part.width + 1e-6 &&
  Math.min(y + height, 1) <= part.y + part.height + 1e-6;

/** Share of the union of two boxes that both have. */
function overlapOf(a: Box, b: Box): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  const both = Math.max(0, width) * Math.max(0, height);
  return both === 0 ? 0 : both / (a.width * a.height + b.width * b.height - both);
}

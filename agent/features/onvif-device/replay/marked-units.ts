import type { MediaPart, MediaUnit } from '../../../playback/get/media-units.ts';
import { FLAG } from './replay-packets.ts';

/** A unit with the flags of its header extension. */
export interface MarkedUnit {
  readonly unit: MediaUnit;
  /** Number of the track in the description that the client has. */
  readonly track: number;
  readonly flags: number;
  /** As `MediaPart.gapUs`, of the first unit after a gap; else 0. */
  readonly gapUs: number;
}

/**
 * Marks gaps and ends. One unit of each track is held until the next one of the track shows whether it was the last.
 * @param trackOf number of a unit's track; -1: it is left out
 */
export async function* markedUnits(
  units: AsyncIterable<MediaUnit>,
  trackOf: (track: MediaUnit['track']) => number,
): AsyncGenerator<MarkedUnit, void> {
  const marks = new Marks();
  for await (const unit of units) {
    const track = trackOf(unit.track);
    if (track >= 0) {
      if (marks.isGapBefore(unit)) {
        yield* marks.end(FLAG.end);
      }
      const before = marks.take(unit, track);
      if (before) {
        yield before;
      }
    }
  }
  yield* marks.end(FLAG.end | FLAG.terminal);
}

class Marks {
  readonly #held = new Map<number, MarkedUnit>();
  /** Tracks that have units since the last gap. */
  readonly #begun = new Set<number>();
  #part: MediaPart | undefined;
  #gapUs = 0;

  isGapBefore({ part }: MediaUnit): boolean {
    return this.#part !== undefined && part !== this.#part && part.gapUs !== 0;
  }

  /** Holds a unit. @returns the former one of its track */
  take(unit: MediaUnit, track: number): MarkedUnit | undefined {
    if (this.isGapBefore(unit)) {
      this.#gapUs = unit.part.gapUs;
    }
    this.#part = unit.part;
    const before = this.#held.get(track);
    const clean = unit.key ? FLAG.clean : 0;
    const flags = this.#begun.has(track) ? clean : clean | FLAG.discontinuity;
    this.#begun.add(track);
    this.#held.set(track, { unit, track, flags, gapUs: 0 });
    return before && this.#withGap(before);
  }

  /** The held units, which are the last ones before a gap or the end. */
  *end(flags: number): Generator<MarkedUnit, void> {
    const last = [...this.#held.values()].sort((one, other) => one.unit.dtsUs - other.unit.dtsUs);
    this.#held.clear();
    this.#begun.clear();
    for (const one of last) {
      yield this.#withGap({ ...one, flags: one.flags | flags });
    }
  }

  /** The first unit that is sent after a gap has its length. */
  #withGap(marked: MarkedUnit): MarkedUnit {
    const gapUs = this.#gapUs;
    this.#gapUs = 0;
    return gapUs === 0 ? marked : { ...marked, gapUs };
  }
}

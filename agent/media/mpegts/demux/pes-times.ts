import type { PictureOrder, UnitTimes } from '../../payload/decode-times.ts';

const DEFAULT_FRAME_TICKS = 3000;
/** Times that wait for their pictures: one, or some while a picture is cut into several PES packets. */
const MAX_WAITING = 16;
/** A larger step back is a clock that was set: time restarts. 90 kHz. */
const JUMP_TICKS = 90_000;

/** Where the unit that is being delivered begins: the offset of a transport packet in the stream. */
export interface UnitOffset {
  position: number;
}

/** The times of pictures as PES packets have them. A picture without times is decoded a frame's duration after the last one. */
export class PesTimes implements UnitTimes {
  pts = 0;
  dts = 0;
  readonly #place: UnitOffset;
  #frameTicks = DEFAULT_FRAME_TICKS;
  #lastDts = Number.NEGATIVE_INFINITY;
  // Times announced, oldest first.
  readonly #pts: number[] = [];
  readonly #dts: number[] = [];
  readonly #positions: number[] = [];

  constructor(place: UnitOffset) {
    this.#place = place;
  }

  /** Announces the times of the next picture, unwrapped. Call before its bytes. */
  announce(pts: number, dts: number, position: number): void {
    if (this.#pts.length === MAX_WAITING) {
      this.#drop(1);
    }
    this.#pts.push(pts);
    this.#dts.push(dts);
    this.#positions.push(position);
  }

  configure(order: PictureOrder): void {
    this.#frameTicks = order.frameTicks ?? DEFAULT_FRAME_TICKS;
  }

  restart(): void {}

  next(ticks: number): boolean {
    const found = this.#pts.indexOf(ticks);
    const last = this.#lastDts;
    if (found >= 0) {
      const dts = this.#dts[found] as number;
      this.#place.position = this.#positions[found] as number;
      this.#drop(found + 1);
      this.dts = dts > last || last - dts > JUMP_TICKS ? dts : last + 1;
      this.pts = Math.max(ticks, this.dts);
    } else {
      this.dts = Number.isFinite(last) ? last + this.#frameTicks : ticks;
      this.pts = Math.max(ticks, this.dts);
    }
    this.#lastDts = this.dts;
    return true;
  }

  #drop(count: number): void {
    this.#pts.splice(0, count);
    this.#dts.splice(0, count);
    this.#positions.splice(0, count);
  }
}

import type { MovedCells } from '../detection/moved-cells.ts';
import type { MovedWriter } from './moved-table.ts';

/** Splits the motion of a stream into seconds. */
export class MovedSeconds {
  readonly #writer: MovedWriter;
  #second = Number.NaN;
  /** The last second that was kept. */
  #kept = Number.NaN;

  constructor(writer: MovedWriter) {
    this.#writer = writer;
  }

  /** Call before the picture of that second is read. @param moved undefined: it cannot be read */
  at(second: number, moved: MovedCells | undefined): void {
    if (second !== this.#second) {
      this.end(moved);
      this.#second = second;
    }
  }

  /** Keeps the present second. */
  end(moved: MovedCells | undefined): void {
    const second = this.#second;
    this.#second = Number.NaN;
    if (!moved?.hasLooked || Number.isNaN(second)) {
      return;
    }
    // While nothing moves, not each second has a picture that is read.
    if (second - this.#kept <= 5) {
      for (let between = this.#kept + 1; between < second; between += 1) {
        this.#writer.add(between, undefined);
      }
    }
    this.#writer.add(second, moved.isEmpty ? undefined : moved.bits);
    this.#kept = second;
    moved.clear();
  }

  /** Call after `end`. */
  close(): void {
    this.#writer.close();
  }
}

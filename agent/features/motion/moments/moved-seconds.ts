import type { MovedCells } from '../detection/moved-cells.ts';
import type { MovedWriter } from './moved-table.ts';

/** Splits the motion of a stream into seconds. */
export class MovedSeconds {
  readonly #writer: MovedWriter;
  #second = Number.NaN;

  constructor(writer: MovedWriter) {
    this.#writer = writer;
  }

  /** Call before the picture of that second is read. @param moved undefined if it cannot be read */
  at(second: number, moved: MovedCells | undefined): void {
    if (second === this.#second) {
      return;
    }
    const before = this.#second;
    this.end(moved);
    // Cameras may send one picture in some seconds.
    if (moved && second - before <= 5) {
      for (let between = before + 1; between < second; between += 1) {
        this.#writer.add(between, undefined);
      }
    }
    this.#second = second;
  }

  /** Takes the present second. */
  end(moved: MovedCells | undefined): void {
    if (moved && !Number.isNaN(this.#second)) {
      this.#writer.add(this.#second, moved.isEmpty ? undefined : moved.bits);
      moved.clear();
    }
    this.#second = Number.NaN;
  }

  /** Call after `end`. */
  close(): void {
    this.#writer.close();
  }
}

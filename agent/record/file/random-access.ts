import { type RandomAccess, writeMfra } from '../../media/mp4/write/mfra.ts';

/** Collects where in a file players can start; becomes the index at its end. */
export class RandomAccessTable {
  readonly #trackId: number;
  readonly #entries: RandomAccess[] = [];

  constructor(trackId: number) {
    this.#trackId = trackId;
  }

  /** @param traf,sample from 1 */
  add(time: number, moofOffset: number, traf: number, sample: number): void {
    this.#entries.push({ time, moofOffset, traf, trun: 1, sample });
  }

  write(): Uint8Array {
    return writeMfra([{ trackId: this.#trackId, entries: this.#entries }]);
  }
}

import { type RandomAccess, writeMfra } from '../../media/mp4/write/mfra.ts';

/** Collects sync sample positions for `mfra` at the end of the file. */
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

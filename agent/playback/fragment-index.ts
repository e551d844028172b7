import { fullBox, u16, u32, u64 } from '../media/mp4/boxes.ts';
import { viewOf } from '../media/mp4/walk.ts';

/** The count in `sidx` has 16 bits; beyond it fragments share an entry. */
const MAX_REFERENCES = 0xffff;
const MAX_REFERENCE_BYTES = 0x7fff_ffff;

/** The index in front of fragments (`sidx`, ISO/IEC 14496-12 §8.16.3): with it players know the length and seek without reading through. */
export class FragmentIndex {
  readonly #trackId: number;
  readonly #timescale: number;
  readonly #sizes: number[] = [];
  /** Decode time of the track at the fragment's start; infinite when it has none of it. */
  readonly #times: number[] = [];
  readonly #syncs: boolean[] = [];
  #endTime = 0;

  /** @param trackId,timescale of the track whose times count */
  constructor(trackId: number, timescale: number) {
    this.#trackId = trackId;
    this.#timescale = timescale;
  }

  /** @param time,endTime of the track in the fragment, in its ticks; undefined when it has none of it */
  add(sizeBytes: number, time: number | undefined, endTime: number | undefined, startsWithSync: boolean): void {
    this.#sizes.push(sizeBytes);
    this.#times.push(time ?? Number.POSITIVE_INFINITY);
    this.#syncs.push(startsWithSync);
    this.#endTime = Math.max(this.#endTime, endTime ?? 0);
  }

  write(): Uint8Array {
    const firsts = this.#groups();
    const count = firsts.length;
    const references = new Uint8Array(count * 12);
    const view = viewOf(references);
    let nextTime = this.#endTime;
    for (let i = count - 1; i >= 0; i -= 1) {
      const first = firsts[i] as number;
      const end = firsts[i + 1] ?? this.#sizes.length;
      let sizeBytes = 0;
      for (let k = first; k < end; k += 1) {
        sizeBytes += this.#sizes[k] as number;
      }
      const time = Math.min(nextTime, this.#times[first] as number);
      view.setUint32(i * 12, sizeBytes);
      view.setUint32(i * 12 + 4, nextTime - time);
      // Starts with SAP of type 1, or unknown.
      view.setUint32(i * 12 + 8, this.#syncs[first] ? 0x9000_0000 : 0);
      nextTime = time;
    }
    const [firstOffset, noReserved] = [u64(0), u16(0)];
    const ids = [...u32(this.#trackId), ...u32(this.#timescale)];
    return fullBox('sidx', 1, 0, ids, u64(nextTime), firstOffset, noReserved, u16(count), references);
  }

  /** The first fragment of each entry: as many as the index can hold. */
  #groups(): number[] {
    const perGroup = Math.ceil(this.#sizes.length / MAX_REFERENCES);
    const firsts: number[] = [];
    let sizeBytes = 0;
    for (let i = 0; i < this.#sizes.length; i += 1) {
      const own = this.#sizes[i] as number;
      const isFull = i - (firsts.at(-1) ?? 0) >= perGroup || sizeBytes + own > MAX_REFERENCE_BYTES;
      if (firsts.length === 0 || isFull) {
        firsts.push(i);
        sizeBytes = 0;
      }
      sizeBytes += own;
    }
    return firsts;
  }
}

import { fullBox, join, u16, u32, u64 } from '../../media/mp4/box/boxes.ts';
import { viewOf } from '../../media/mp4/box/walk.ts';

/** starts_with_SAP and SAP_type 1. */
const STARTS_WITH_ACCESS_POINT = 0x9000_0000;
const HAS_ACCESS_POINT = 0x1000_0000;

/** A fragment's index entry. Decode times in the download, in ticks of the leading track. */
export interface IndexedFragment {
  readonly sizeBytes: number;
  /** Decode time of the leading track's first sample, or undefined if the fragment has none. */
  readonly time: number | undefined;
  readonly endTime: number | undefined;
  /** Decode time of the first sync sample, or undefined if the fragment has none. */
  readonly syncTime: number | undefined;
  readonly startsWithSync: boolean;
}

interface IndexedTrack {
  readonly id: number;
  readonly timescale: number;
}

/**
 * The index before fragments (`sidx`, ISO/IEC 14496-12 §8.16.3), which gives players the duration and lets them seek.
 * ffmpeg, and Chromium with it, take the last entry that does not start after the wanted time and decode from there,
 * key frame or not. So an entry starts at its first sync sample and lasts until the next entry with one; entries in the
 * middle of a GOP have no duration. They must exist: after a known fragment ffmpeg continues with the next entry, not
 * the next fragment. Times are decode times, since ffmpeg compares them with samples. Each track has the same index in
 * its own ticks: without one ffmpeg 5 takes audio times for video times and seeks to another GOP.
 */
export class FragmentIndex {
  readonly #tracks: readonly IndexedTrack[];
  readonly #sizes: number[] = [];
  /** Decode time of each fragment's first sync sample; infinite: the fragment has none. */
  readonly #times: number[] = [];
  readonly #startsWithSync: boolean[] = [];
  #startTime: number | undefined;
  #endTime = 0;

  /** @param lead the track whose times are indexed */
  constructor(lead: IndexedTrack, others: readonly IndexedTrack[] = []) {
    this.#tracks = [lead, ...others];
  }

  add({ sizeBytes, time, endTime, syncTime, startsWithSync }: IndexedFragment): void {
    this.#sizes.push(sizeBytes);
    this.#times.push(syncTime ?? Number.POSITIVE_INFINITY);
    this.#startsWithSync.push(startsWithSync);
    this.#startTime ??= time;
    this.#endTime = Math.max(this.#endTime, endTime ?? 0);
  }

  write(): Uint8Array {
    const firsts = this.#groups();
    const indexes: Uint8Array[] = [];
    for (const track of this.#tracks.toReversed()) {
      const behindBytes = indexes.reduce((sum, { length }) => sum + length, 0);
      indexes.unshift(this.#writeFor(track, firsts, behindBytes));
    }
    return join(indexes);
  }

  /** @param behindBytes bytes between the index and the first fragment */
  #writeFor(track: IndexedTrack, firsts: readonly number[], behindBytes: number): Uint8Array {
    const count = firsts.length;
    const references = new Uint8Array(count * 12);
    const view = viewOf(references);
    const leadScale = this.#tracks[0]?.timescale ?? track.timescale;
    const inTicks = (time: number): number => Math.floor((time * track.timescale) / leadScale);
    let nextTime = this.#endTime;
    for (let i = count - 1; i >= 0; i -= 1) {
      const first = firsts[i] as number;
      const end = firsts[i + 1] ?? this.#sizes.length;
      let sizeBytes = 0;
      for (let k = first; k < end; k += 1) {
        sizeBytes += this.#sizes[k] as number;
      }
      // Samples before the very first sync sample belong to the first entry.
      const ownTime = i === 0 ? (this.#startTime ?? nextTime) : (this.#times[first] as number);
      const time = Math.min(nextTime, ownTime);
      view.setUint32(i * 12, sizeBytes);
      view.setUint32(i * 12 + 4, inTicks(nextTime) - inTicks(time));
      view.setUint32(i * 12 + 8, this.#accessOf(first));
      nextTime = time;
    }
    const ids = [...u32(track.id), ...u32(track.timescale)];
    return fullBox('sidx', 1, 0, ids, u64(inTicks(nextTime)), u64(behindBytes), u16(0), u16(count), references);
  }

  /** Whether an entry starts with a stream access point, contains one, or neither is known. */
  #accessOf(first: number): number {
    const hasSync = this.#times[first] !== Number.POSITIVE_INFINITY;
    return this.#startsWithSync[first] ? STARTS_WITH_ACCESS_POINT : hasSync ? HAS_ACCESS_POINT : 0;
  }

  /**
   * The first fragment of each entry. If there are too many fragments, only those with a sync sample start an entry.
   */
  #groups(): number[] {
    // `reference_count` of `sidx` has 16 bits; with more fragments, several share an entry.
    const perGroup = Math.ceil(this.#sizes.length / 0xffff);
    const firsts: number[] = [];
    let sizeBytes = 0;
    for (let i = 0; i < this.#sizes.length; i += 1) {
      const own = this.#sizes[i] as number;
      const hasSync = this.#times[i] !== Number.POSITIVE_INFINITY;
      const isDue = i - (firsts.at(-1) ?? 0) >= perGroup && (perGroup === 1 || hasSync);
      if (firsts.length === 0 || isDue || sizeBytes + own > 0x7fff_ffff) {
        firsts.push(i);
        sizeBytes = 0;
      }
      sizeBytes += own;
    }
    return firsts;
  }
}

import { PerchError } from '../../base/errors.ts';
import { fullBox, u8, u24, u32 } from '../../media/mp4/box/boxes.ts';
import { viewOf } from '../../media/mp4/box/walk.ts';
import { ALL_SYNC, FIRST_SYNC, SAME_DURATION } from '../../media/mp4/table/sample-table-writer.ts';
import { boxOf } from './box-parts.ts';
import { NumberList, RunList } from './number-list.ts';
import type { SelectedRun } from './selected-table.ts';

/** About 200 MB of tables. */
const MAX_SAMPLES = 10_000_000;
/** The first shown frame is among this many: reordering is limited to 16. */
const MAX_REORDERED = 16;

/** The tables of one track of a plain MP4 file (ISO/IEC 14496-12 §8.6 and §8.7), filled run by run. */
export class SampleTables {
  /** Decode time of the first sample in the download; negative if decode-only. */
  firstTime = 0;
  endTime = 0;
  /** When the first sample is shown; negative if decode-only. */
  firstShown = Number.POSITIVE_INFINITY;
  #count = 0;
  /** Decode time of the latest sample and its duration in its own file. */
  #lastTime = 0;
  #lastDuration = 0;
  readonly #durations = new RunList();
  readonly #offsets = new RunList();
  readonly #sizes = new NumberList();
  readonly #syncs = new NumberList();
  readonly #chunkCounts = new NumberList();
  #lastChunkCount = 0;
  /** Offsets of chunks from the start of the data. */
  readonly #chunkPlaces: number[] = [];
  #isEverySync = true;
  #hasOffsets = false;
  #hasNegativeOffsets = false;

  get count(): number {
    return this.#count;
  }

  /** Upper bound of what `write` produces. */
  get maxBytes(): number {
    return this.#count * 28 + this.#chunkPlaces.length * 20 + 4096;
  }

  /** The next runs have this many samples together. */
  expect(samples: number): void {
    this.#sizes.reserve(Math.min(samples, MAX_SAMPLES));
  }

  /** @param place offset of the run's bytes in the data */
  addRun(run: SelectedRun, place: number): void {
    const { samples, from, to } = run;
    if (this.#count + to - from > MAX_SAMPLES) {
      throw new PerchError(
        'badInput',
        `more than ${MAX_SAMPLES} samples in one MP4: ask for a shorter duration or format=fmp4`,
      );
    }
    this.#addChunk(place, to - from);
    this.#addTimes(run);
    this.#addOffsets(run);
    this.#addSyncs(run);
    this.#sizes.pushAll(samples.sizes.subarray(from, to));
    this.#count += to - from;
  }

  startLater(ticks: number): void {
    this.firstTime += ticks;
    this.endTime += ticks;
    this.firstShown += ticks;
  }

  /** `stbl`; called once, after the last sample. @param isLarge offsets need 64 bits */
  write(sampleEntry: Uint8Array, isLarge: boolean): PlacedTables {
    this.#durations.push(this.#lastDuration);
    this.#durations.flush();
    this.#offsets.flush();
    const pieces = [fullBox('stsd', 0, 0, u32(1), sampleEntry), ...runs('stts', 0, this.#durations)];
    if (this.#hasOffsets) {
      pieces.push(...runs('ctts', this.#hasNegativeOffsets ? 1 : 0, this.#offsets));
    }
    if (!this.#isEverySync) {
      pieces.push(...table('stss', 0, u32(this.#syncs.count), this.#syncs.toBytes()));
    }
    pieces.push(...table('stsc', 0, u32(this.#chunkCounts.count / 3), this.#chunkCounts.toBytes()));
    pieces.push(...table('stsz', 0, [...u32(0), ...u32(this.#count)], this.#sizes.toBytes()));
    const places = new Uint8Array(this.#chunkPlaces.length * (isLarge ? 8 : 4));
    pieces.push(...table(isLarge ? 'co64' : 'stco', 0, u32(this.#chunkPlaces.length), places));
    return {
      pieces: boxOf('stbl', pieces),
      placeData: (start) => writePlaces(places, this.#chunkPlaces, start, isLarge),
    };
  }

  #addChunk(place: number, samples: number): void {
    this.#chunkPlaces.push(place);
    if (samples !== this.#lastChunkCount) {
      // Chunk number from 1 and its sample count, if that changes.
      this.#chunkCounts.push(this.#chunkPlaces.length);
      this.#chunkCounts.push(samples);
      this.#chunkCounts.push(1);
      this.#lastChunkCount = samples;
    }
  }

  #addTimes({ samples, timescale, from, to, time, flags }: SelectedRun): void {
    const { durations, compositionOffsets } = samples;
    let start = time;
    let isFirst = this.#count === 0;
    let first = from;
    if (flags & SAME_DURATION && this.#count > MAX_REORDERED && time >= Math.max(0, this.#lastTime)) {
      const duration = durations[from] as number;
      this.#durations.push(time - this.#lastTime);
      this.#durations.pushMany(duration, to - from - 1);
      this.#lastDuration = duration;
      this.#lastTime = time + (to - from - 1) * duration;
      first = to;
    }
    for (let i = first; i < to; i += 1) {
      const end = start + (durations[i] as number);
      // A picture that stands still at time 0 begins there.
      start = start < -timescale && end > 0 ? 0 : start;
      if (isFirst) {
        this.firstTime = start;
        this.#lastTime = start;
        isFirst = false;
      } else {
        // A sample lasts until the next one, also across files.
        this.#durations.push(Math.max(0, start - this.#lastTime));
        this.#lastTime = Math.max(start, this.#lastTime);
      }
      if (this.#count + i - from <= MAX_REORDERED) {
        this.firstShown = Math.min(this.firstShown, start + (compositionOffsets?.[i] ?? 0));
      }
      this.#lastDuration = end - start;
      start = end;
    }
    this.endTime = this.#lastTime + this.#lastDuration;
  }

  /** Adds the numbers of sync samples. Without a list, every sample is a sync sample, as in audio. */
  #addSyncs({ samples, from, to, flags }: SelectedRun): void {
    if (flags & ALL_SYNC && this.#isEverySync) {
      return;
    }
    if (flags & FIRST_SYNC && !this.#isEverySync) {
      this.#syncs.push(this.#count + 1);
      return;
    }
    for (let i = from; i < to; i += 1) {
      const number = this.#count + i - from + 1;
      if (samples.syncs[i] !== 1 && this.#isEverySync) {
        this.#isEverySync = false;
        for (let before = 1; before < number; before += 1) {
          this.#syncs.push(before);
        }
      } else if (samples.syncs[i] === 1 && !this.#isEverySync) {
        this.#syncs.push(number);
      }
    }
  }

  #addOffsets({ samples, from, to }: SelectedRun): void {
    const offsets = samples.compositionOffsets;
    if (!offsets) {
      this.#offsets.pushMany(0, to - from);
      return;
    }
    for (let i = from; i < to; i += 1) {
      const offset = offsets[i] as number;
      this.#offsets.push(offset >>> 0);
      this.#hasOffsets ||= offset !== 0;
      this.#hasNegativeOffsets ||= offset < 0;
    }
  }
}

export interface PlacedTables {
  readonly pieces: readonly Uint8Array[];
  /** Sets the data's start in the file, which completes the offsets. */
  placeData(start: number): void;
}

/** A full box of numbers, without a copy. */
function table(type: string, version: number, head: readonly number[], entries: Uint8Array): Uint8Array[] {
  return boxOf(type, [Uint8Array.from([...u8(version), ...u24(0), ...head]), entries]);
}

const runs = (type: string, version: number, list: RunList): Uint8Array[] =>
  table(type, version, u32(list.entries.count / 2), list.entries.toBytes());

function writePlaces(bytes: Uint8Array, places: readonly number[], dataStart: number, isLarge: boolean): void {
  const view = viewOf(bytes);
  for (let i = 0; i < places.length; i += 1) {
    const place = dataStart + (places[i] as number);
    if (isLarge) {
      view.setUint32(i * 8, Math.floor(place / 2 ** 32));
      view.setUint32(i * 8 + 4, place % 2 ** 32);
    } else {
      view.setUint32(i * 4, place);
    }
  }
}

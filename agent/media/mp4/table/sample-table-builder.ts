import type { Mp4Fragment } from '../read/read.ts';
import { TableColumns } from './sample-columns.ts';
import type { SampleTable } from './sample-table.ts';

/** Makes a sample table of fragments as they are read, for recordings that grow or have none of their own. */
export class SampleTableBuilder {
  /** One past the last fragment; 0 before the first. */
  endOffset = 0;
  readonly #columns: TableColumns;
  readonly #trackIds: readonly number[];

  constructor(trackIds: readonly number[]) {
    this.#trackIds = trackIds;
    this.#columns = new TableColumns(trackIds);
  }

  get fragmentCount(): number {
    return this.#columns.fragmentCount;
  }

  /** What is there by now: it stays as it is when more is added. */
  get table(): SampleTable {
    return this.#columns.whole;
  }

  /** @param offset of the `moof` in the file; runs of other tracks are left out. @throws PerchError when there are too many samples */
  addFragment(offset: number, fragment: Mp4Fragment): void {
    for (const run of fragment.runs) {
      const track = this.#columns.tracks[this.#trackIds.indexOf(run.trackId)];
      if (track && run.count > 0) {
        const first = track.sizes.count;
        track.startRun(run.baseTime, this.#columns.fragmentCount, offset + run.dataOffset);
        for (let i = 0; i < run.count; i += 1) {
          track.sizes.push(run.sizes[i] as number);
          track.durations.push(run.durations[i] as number);
          track.pushOffset(first + i, run.compositionOffsets?.[i] ?? 0);
          track.syncs.push(run.isSync(i) ? 1 : 0);
        }
        track.endTime = run.baseTime + run.durationTicks;
      }
    }
    this.endOffset = offset + fragment.sizeBytes;
    this.#columns.pushFragment(offset, fragment.sizeBytes, fragment.moofBytes + fragment.mdatHeaderBytes);
  }

  /** Nothing more will come: gives back the memory that was kept for it. */
  trim(): void {
    this.#columns.trim();
  }
}

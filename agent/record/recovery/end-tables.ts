import type { Mp4Fragment, Mp4Init } from '../../media/mp4/read/read.ts';
import { SampleTableWriter } from '../../media/mp4/table/sample-table-writer.ts';
import type { RunTable } from '../../media/mp4/write/fragment.ts';
import type { PlacedFragment } from '../file/fragment-walk.ts';
import { RandomAccessTable } from '../file/random-access.ts';

type Run = Mp4Fragment['runs'][number];

/** Builds the tables at the end of a finished file. */
export class EndTables {
  readonly access: RandomAccessTable;
  readonly samples: SampleTableWriter;
  readonly #leadId: number;
  readonly #isLeadAudio: boolean;

  constructor(init: Mp4Init) {
    const lead = init.tracks.find((track) => track.kind === 'video') ?? init.tracks[0];
    this.#leadId = lead?.id ?? 0;
    this.#isLeadAudio = lead?.kind === 'audio';
    this.access = new RandomAccessTable(this.#leadId);
    this.samples = new SampleTableWriter(
      init.tracks.map((track) => track.id),
      init.sizeBytes,
    );
  }

  add({ fragment, offset }: PlacedFragment): void {
    fragment.runs.forEach((run, i) => {
      if (run.trackId === this.#leadId) {
        this.#index(run, offset, i + 1);
      }
    });
    const { sizeBytes, moofBytes, mdatHeaderBytes } = fragment;
    const placed = fragment.runs.map((run) => ({ run: new ReadRun(run), dataOffset: run.dataOffset }));
    this.samples.addFragment(offset, sizeBytes, moofBytes + mdatHeaderBytes, placed);
  }

  #index(run: Run, offset: number, traf: number): void {
    let time = run.baseTime;
    for (let i = 0; i < run.count; i += 1) {
      if (run.isSync(i)) {
        this.access.add(time + (run.compositionOffsets?.[i] ?? 0), offset, traf, i + 1);
        if (this.#isLeadAudio) {
          return;
        }
      }
      time += run.durations[i] ?? 0;
    }
  }
}

/** Adapts a parsed run for writers. */
class ReadRun implements RunTable {
  readonly #run: Run;

  constructor(run: Run) {
    this.#run = run;
  }

  get trackId(): number {
    return this.#run.trackId;
  }

  get baseTime(): number {
    return this.#run.baseTime;
  }

  get count(): number {
    return this.#run.count;
  }

  sizeOf(i: number): number {
    return this.#run.sizes[i] as number;
  }

  durationOf(i: number): number {
    return this.#run.durations[i] as number;
  }

  compositionOffsetOf(i: number): number {
    return this.#run.compositionOffsets?.[i] ?? 0;
  }

  isSync(i: number): boolean {
    return this.#run.isSync(i);
  }
}

import type { RunTable } from '../../media/mp4/fragment.ts';
import type { Mp4Fragment, Mp4Init } from '../../media/mp4/read.ts';
import { SampleTableWriter } from '../../media/mp4/sample-table-writer.ts';
import type { FileMark } from '../file-mark.ts';
import { RandomAccessTable } from '../random-access.ts';

type Run = Mp4Fragment['runs'][number];

/** Behind bytes that are lost, a fragment may be so much further on than the next: a day of them. */
const MAX_SKIPPED = 100_000;

/** Follows the fragments of a file as long as each goes on where the one before ended, and collects what stands at a file's end. */
export class FragmentChain {
  readonly access: RandomAccessTable;
  readonly samples: SampleTableWriter;
  /** Of the longest track. */
  endSeconds = 0;
  count = 0;
  readonly #timescales: ReadonlyMap<number, number>;
  readonly #leadId: number;
  readonly #isLeadAudio: boolean;
  readonly #ends = new Map<number, number>();
  /** What the next fragment must have; undefined: the file does not tell, and none is there yet. */
  #sequence: number | undefined;

  constructor(init: Mp4Init, mark: FileMark | undefined) {
    this.#timescales = new Map(init.tracks.map((track) => [track.id, track.timescale]));
    const lead = init.tracks.find((track) => track.kind === 'video') ?? init.tracks[0];
    this.#leadId = lead?.id ?? 0;
    this.#isLeadAudio = lead?.kind === 'audio';
    this.access = new RandomAccessTable(this.#leadId);
    this.samples = new SampleTableWriter(
      init.tracks.map((track) => track.id),
      init.sizeBytes,
    );
    this.#sequence = mark?.firstSequence;
  }

  /** The fragment follows the last one: what a disk makes up after a power cut does not. */
  isNext({ sequence, runs }: Mp4Fragment): boolean {
    return (this.#sequence === undefined || sequence === this.#sequence) && this.#goesOn(runs);
  }

  /** The fragment is of this file and comes later, if not next. Only of files that say which numbers are theirs. */
  isLater({ sequence, runs }: Mp4Fragment): boolean {
    const skipped = sequence - (this.#sequence ?? Number.POSITIVE_INFINITY);
    return skipped >= 0 && skipped <= MAX_SKIPPED && this.#goesOn(runs);
  }

  add(fragment: Mp4Fragment, offset: number): void {
    this.#sequence = fragment.sequence + 1;
    this.count += 1;
    fragment.runs.forEach((run, i) => {
      const end = run.baseTime + run.durationTicks;
      this.#ends.set(run.trackId, end);
      this.endSeconds = Math.max(this.endSeconds, end / (this.#timescales.get(run.trackId) || 1));
      if (run.trackId === this.#leadId) {
        this.#index(run, offset, i + 1);
      }
    });
    const { sizeBytes, moofBytes, mdatHeaderBytes } = fragment;
    const placed = fragment.runs.map((run) => ({ run: new ReadRun(run), dataOffset: run.dataOffset }));
    this.samples.addFragment(offset, sizeBytes, moofBytes + mdatHeaderBytes, placed);
  }

  #goesOn(runs: readonly Run[]): boolean {
    const isKnown = (run: Run) =>
      this.#timescales.has(run.trackId) && run.baseTime >= (this.#ends.get(run.trackId) ?? 0);
    return runs.length > 0 && runs.every(isKnown);
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

/** A run that was read, as writers know it. */
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

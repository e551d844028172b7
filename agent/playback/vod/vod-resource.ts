import type { Readable } from 'node:stream';
import { lastUpTo } from '../../media/mp4/table/sample-search.ts';
import type { SampleTable } from '../../media/mp4/table/sample-table.ts';
import { writeFragmentHeader } from '../../media/mp4/write/fragment.ts';
import { playedTable } from '../read/played-table.ts';
import { RangeStream } from '../read/range-stream.ts';
import type { RecordedFile, Slice, SliceLookup } from '../read/slice.ts';
import type { Tabled } from '../read/table-cache.ts';
import { VirtualFile } from '../read/virtual-file.ts';
import { fragmentsOf, type VodLayout } from './vod-layout.ts';

/** The bytes of a recording's resource. Keeps the fragment headers of one segment in memory. */
export class VodResource implements SliceLookup {
  readonly #layout: VodLayout;
  readonly #tabled: Tabled;
  readonly #table: SampleTable;
  readonly #shiftSeconds: number;
  readonly #recording: RecordedFile;
  readonly #header = new VirtualFile();
  #segment = -1;
  #segmentFile = this.#header;

  /**
   * @param tabled of the same file, as of the layout or later
   * @param stepSeconds added to the layout's times
   */
  constructor(layout: VodLayout, tabled: Tabled, stepSeconds = 0) {
    this.#layout = layout;
    this.#tabled = tabled;
    this.#table = playedTable(tabled);
    this.#shiftSeconds = layout.shiftSeconds + stepSeconds;
    const { file, sizeBytes, isFinished } = layout;
    const { tsFragments, openRemote } = tabled;
    this.#recording = { file, sizeBytes, isFinished, tsFragments, openRemote };
    this.#header.addBytes(layout.init);
  }

  get sizeBytes(): number {
    return this.#layout.offsets.at(-1) as number;
  }

  read(start: number, end: number): Readable {
    return new RangeStream(this, start, end);
  }

  sliceAt(position: number): Slice | undefined {
    const { init, offsets, cuts } = this.#layout;
    if (position < init.length) {
      return this.#header.sliceAt(position);
    }
    const segment = lastUpTo(offsets, offsets.length, position);
    if (segment >= cuts.count) {
      return undefined;
    }
    if (segment !== this.#segment) {
      this.#segment = segment;
      this.#segmentFile = this.#fileOf(segment);
    }
    const from = offsets[segment] as number;
    const slice = this.#segmentFile.sliceAt(position - from);
    return slice && { ...slice, start: slice.start + from, end: slice.end + from };
  }

  #fileOf(segment: number): VirtualFile {
    const { cuts } = this.#layout;
    const { head } = this.#tabled;
    const shifts = head.init.tracks.map(({ timescale }) => Math.round(this.#shiftSeconds * timescale));
    const file = new VirtualFile();
    // Every fragment has at least one sample, so sequence numbers increase throughout the resource.
    let sequence = cuts.firstSamples.reduce((sum, bounds) => sum + (bounds[segment] as number), 1);
    for (const slices of fragmentsOf(this.#table, cuts, segment, (track) => shifts[track] ?? 0)) {
      file.addBytes(writeFragmentHeader(sequence, slices));
      for (const slice of slices) {
        slice.forEachRange((offset, sizeBytes) => file.addRange(this.#recording, offset, sizeBytes));
      }
      sequence += 1;
    }
    return file;
  }
}

import { randomInt } from 'node:crypto';
import { parseInit } from '../../media/mp4/read/read.ts';
import { type PlacedRun, SampleTableWriter } from '../../media/mp4/table/sample-table-writer.ts';
import { CHECKSUM_BOX_BYTES } from '../../media/mp4/write/checksum-box.ts';
import { type RunTable, type TrackRun, tableOf, writeFragmentHeader } from '../../media/mp4/write/fragment.ts';
import { writeInit } from '../../media/mp4/write/init.ts';
import { type RandomAccess, writeMfra } from '../../media/mp4/write/mfra.ts';
import { writeRecordingTail } from '../../media/mp4/write/recording-tail.ts';
import type { Sample } from '../../media/sample/sample.ts';
import { writeFileMark } from '../file/file-mark.ts';
import { writeFragmentChecksum } from '../file/fragment-checksum.ts';
import { writeStreamMark } from '../file/stream-mark.ts';
import { RecordingWriter } from './recording-writer.ts';
import { SegmentFile } from './segment-file.ts';
import { leadingTrackOf } from './track-buffer.ts';

/**
 * An MP4 file being written: numbers its parts and keeps its tables. The sample table takes two to five bytes per
 * sample, and twice that briefly at the end: up to 0.9 MB for an hour of video and audio, 21 MB for a day, the maximum.
 */
export class SegmentWriter extends RecordingWriter {
  readonly #leading = leadingTrackOf(this.buffers.map((buffer) => buffer.track));
  /** Sync samples of the leading track. */
  readonly #access: RandomAccess[] = [];
  #samples: SampleTableWriter | undefined;
  #init: Uint8Array = new Uint8Array(0);
  #durationOffset = 0;
  /** Sequence numbers have 32 bits: there is room for a century at one per second. */
  #sequence = randomInt(1, 2 ** 30);

  override get header(): Uint8Array | undefined {
    return this.file && this.#init;
  }

  override writePart(): boolean {
    const runs = this.takeRuns();
    if (runs.length === 0) {
      return true;
    }
    const isFirst = this.file === undefined;
    this.file ??= this.#create();
    const tables = runs.map(tableOf);
    const header = writeFragmentHeader(this.#sequence, tables, CHECKSUM_BOX_BYTES);
    const pieces: Uint8Array[] = [header];
    const placed: PlacedRun[] = [];
    let sizeBytes = header.length;
    for (let i = 0; i < runs.length; i += 1) {
      placed.push({ run: tables[i] as RunTable, dataOffset: sizeBytes });
      const { samples } = runs[i] as TrackRun;
      for (let k = 0; k < samples.length; k += 1) {
        const { data } = samples[k] as Sample;
        pieces.push(data);
        sizeBytes += data.length;
      }
    }
    writeFragmentChecksum(pieces);
    // The header is written with the first part, which has an empty queue before it.
    const headBytes = isFirst ? this.#init.length : 0;
    if (isFirst) {
      pieces.unshift(this.#init);
    }
    const moofOffset = this.file.sizeBytes + headBytes;
    if (!this.file.append(pieces, headBytes + sizeBytes)) {
      return false;
    }
    this.#sequence += 1;
    this.#samples?.addFragment(moofOffset, sizeBytes, header.length, placed);
    const leading = runs.findIndex((run) => run.track === this.#leading);
    if (leading >= 0) {
      this.#index(runs[leading] as TrackRun, moofOffset, leading + 1);
    }
    return true;
  }

  override async finish(): Promise<boolean> {
    const table = this.#samples?.bytes;
    if (!this.file || !table) {
      return false;
    }
    return this.file.finish({
      pieces: [
        writeRecordingTail({ init: this.#init, table }),
        writeMfra([{ trackId: this.#leading + 1, entries: this.#access }]),
      ],
      duration: { offset: this.#durationOffset, durationMs: this.durationMs },
      ...this.span,
    });
  }

  #create(): SegmentFile {
    this.startUs = this.mark.wallUs;
    const file = new SegmentFile(this.options);
    const tracks = this.buffers.map((buffer) => buffer.track);
    const fileMark = writeFileMark({ ...this.originOf(this.mark), firstSequence: this.#sequence });
    const init = writeInit(tracks, Buffer.concat([writeStreamMark(this.mark), fileMark]));
    this.#init = init;
    this.#samples = new SampleTableWriter(
      tracks.map((_, i) => i + 1),
      init.length,
    );
    this.#durationOffset = parseInit(init)?.durationOffset ?? 0;
    return file;
  }

  #index(run: TrackRun, moofOffset: number, traf: number): void {
    const isAudio = this.buffers[this.#leading]?.track.kind === 'audio';
    const firstDts = (run.samples[0] as Sample).dts;
    for (let i = 0; i < run.samples.length; i += 1) {
      const sample = run.samples[i] as Sample;
      if (sample.key) {
        this.#access.push({ time: run.baseTime + sample.pts - firstDts, moofOffset, traf, trun: 1, sample: i + 1 });
      }
      if (isAudio) {
        // Every audio sample is a sync sample: one per part suffices.
        return;
      }
    }
  }
}

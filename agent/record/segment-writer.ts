import { type TrackRun, writeFragment } from '../media/mp4/fragment.ts';
import { writeInit } from '../media/mp4/init.ts';
import { parseInit } from '../media/mp4/read.ts';
import type { Sample } from '../media/sample.ts';
import { RandomAccessTable } from './random-access.ts';
import type { RecordingWriter } from './recording-writer.ts';
import { SegmentFile, type SegmentFileOptions } from './segment-file.ts';
import { type StreamMark, writeStreamMark } from './stream-mark.ts';
import { leadingTrackOf, type TrackBuffer } from './track-buffer.ts';

/** One file in the making: numbers its parts, keeps its index and its length. The file is created with its first part. */
export class SegmentWriter implements RecordingWriter {
  readonly mark: StreamMark;
  /** Unix microseconds, as in the file's name. */
  startUs: number;
  readonly #buffers: readonly TrackBuffer[];
  readonly #leading: number;
  readonly #options: SegmentFileOptions;
  readonly #access: RandomAccessTable;
  #file: SegmentFile | undefined;
  #durationOffset = 0;
  #sequence = 0;
  #endSeconds = 0;

  /** @param buffers their `baseDts` is set to this file's start */
  constructor(mark: StreamMark, buffers: readonly TrackBuffer[], options: SegmentFileOptions) {
    this.mark = mark;
    this.startUs = mark.wallUs;
    this.#buffers = buffers;
    this.#options = options;
    this.#leading = leadingTrackOf(buffers.map((buffer) => buffer.description));
    this.#access = new RandomAccessTable(this.#leading + 1);
  }

  get name(): string | undefined {
    return this.#file?.name;
  }

  get sizeBytes(): number {
    return this.#file?.sizeBytes ?? 0;
  }

  /** Never 0, which would say that the file is unfinished. */
  get durationMs(): number {
    return Math.max(1, Math.round(this.#endSeconds * 1000));
  }

  /**
   * Writes the samples that the buffers have collected and empties them.
   * @returns false when the disk is too slow: the part is lost
   */
  writePart(): boolean {
    const runs: TrackRun[] = [];
    let leadingRun = -1;
    for (const buffer of this.#buffers) {
      if (buffer.samples.length > 0) {
        leadingRun = buffer.number === this.#leading ? runs.length : leadingRun;
        runs.push(buffer.run());
        this.#endSeconds = Math.max(this.#endSeconds, buffer.secondsOf(buffer.endDts - buffer.baseDts));
        buffer.samples = [];
      }
    }
    if (runs.length === 0) {
      return true;
    }
    this.#file ??= this.#create();
    const pieces = writeFragment(this.#sequence, runs);
    let sizeBytes = 0;
    for (let i = 0; i < pieces.length; i += 1) {
      sizeBytes += (pieces[i] as Uint8Array).length;
    }
    const moofOffset = this.#file.sizeBytes;
    if (!this.#file.append(pieces, sizeBytes)) {
      return false;
    }
    this.#sequence += 1;
    if (leadingRun >= 0) {
      this.#index(runs[leadingRun] as TrackRun, moofOffset, leadingRun + 1);
    }
    return true;
  }

  /** @returns false when the disk refused, or there is no file because nothing was collected */
  async finish(): Promise<boolean> {
    const patch = { offset: this.#durationOffset, durationMs: this.durationMs };
    return this.#file ? this.#file.finish(this.#access.write(), patch) : false;
  }

  #create(): SegmentFile {
    const file = new SegmentFile(this.#options);
    const tracks = this.#buffers.map((buffer) => buffer.description);
    const init = writeInit(tracks, writeStreamMark(this.mark));
    this.#durationOffset = parseInit(init)?.durationOffset ?? 0;
    file.append([init], init.length);
    return file;
  }

  #index(run: TrackRun, moofOffset: number, traf: number): void {
    const isAudio = this.#buffers[this.#leading]?.description.kind === 'audio';
    const firstDts = (run.samples[0] as Sample).dts;
    for (let i = 0; i < run.samples.length; i += 1) {
      const sample = run.samples[i] as Sample;
      if (sample.key) {
        this.#access.add(run.baseTime + sample.pts - firstDts, moofOffset, traf, i + 1);
      }
      if (isAudio) {
        // Every sample of sound is a place to start at: one for each part is enough.
        return;
      }
    }
  }
}

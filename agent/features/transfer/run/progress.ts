import type { Clock } from '../../../base/clock.ts';
import type { LeftFile } from '../../../recordings/copy/left-file.ts';
import type { TransferState } from '../../../recordings/copy/transfer-kind.ts';

/** The rate is that of the last minute. */
const SAMPLE_MS = 5_000;

type Shown = Pick<
  TransferState,
  'files' | 'bytes' | 'bytesPerSecond' | 'remainingSeconds' | 'current' | 'leftOut' | 'present' | 'error'
>;

/** What a transfer has done, over restarts. */
interface DoneSoFar {
  readonly doneFiles: number;
  readonly doneBytes: number;
  readonly present: number;
  readonly leftOut: { readonly count: number; readonly items: LeftFile[] };
}
export const NOTHING_DONE: DoneSoFar = { doneFiles: 0, doneBytes: 0, present: 0, leftOut: { count: 0, items: [] } };

/** Counts what a transfer has done and has still to do. */
export class Progress {
  readonly #clock: Pick<Clock, 'monoMs'>;
  #doneFiles: number;
  #doneBytes: number;
  #present: number;
  #left: LeftFile[];
  #leftCount: number;
  #totalFiles: number;
  #totalBytes: number;
  /** Bytes of the present file so far. */
  #fileBytes = 0;
  #current: string | undefined;
  error: string | undefined;
  readonly #samples: { readonly monoMs: number; readonly bytes: number }[] = [];

  constructor(clock: Pick<Clock, 'monoMs'>, { doneFiles, doneBytes, present, leftOut }: DoneSoFar = NOTHING_DONE) {
    this.#clock = clock;
    this.#doneFiles = doneFiles;
    this.#doneBytes = doneBytes;
    this.#present = present;
    this.#left = [...leftOut.items];
    this.#leftCount = leftOut.count;
    this.#totalFiles = doneFiles;
    this.#totalBytes = doneBytes;
  }

  get soFar(): DoneSoFar {
    const leftOut = { count: this.#leftCount, items: this.#left };
    return { doneFiles: this.#doneFiles, doneBytes: this.#doneBytes, present: this.#present, leftOut };
  }

  left(files: number, bytes: number): void {
    this.#totalFiles = this.#doneFiles + files;
    this.#totalBytes = this.#doneBytes + bytes;
    this.error = undefined;
  }

  /** All files that were left out are tried again. */
  forgetLeftOut(): void {
    this.#left = [];
    this.#leftCount = 0;
  }

  begin(name: string): void {
    this.#current = name;
    this.#fileBytes = 0;
  }

  bytes(count: number): void {
    this.#fileBytes += count;
    this.#sample();
  }

  #sample(): void {
    const nowMs = this.#clock.monoMs();
    const last = this.#samples.at(-1);
    if (!last || nowMs - last.monoMs >= SAMPLE_MS) {
      this.#samples.push({ monoMs: nowMs, bytes: this.#doneBytes + this.#fileBytes });
      this.#samples.splice(0, this.#samples.length - 12);
    }
  }

  /** The present file is done. @param sizeBytes its size */
  done(sizeBytes: number): void {
    this.#doneFiles += 1;
    this.#doneBytes += sizeBytes;
    this.#current = undefined;
    this.#fileBytes = 0;
    this.#sample();
  }

  /** The present file is there already. */
  isPresent(): void {
    this.#present += 1;
  }

  leftOut(file: LeftFile): void {
    this.#leftCount += 1;
    if (this.#left.length < 100) {
      this.#left.push(file);
    }
    this.#current = undefined;
    this.#fileBytes = 0;
  }

  /** Called when the transfer pauses. The rate is measured from its next file on. */
  rest(): void {
    this.#samples.length = 0;
    this.#current = undefined;
    this.#fileBytes = 0;
  }

  get shown(): Shown {
    const doneBytes = Math.min(this.#doneBytes + this.#fileBytes, this.#totalBytes);
    const bytesPerSecond = this.#rate(this.#doneBytes + this.#fileBytes);
    const leftBytes = this.#totalBytes - doneBytes;
    return {
      files: { done: this.#doneFiles, total: this.#totalFiles },
      bytes: { done: doneBytes, total: this.#totalBytes },
      bytesPerSecond: bytesPerSecond ?? null,
      remainingSeconds: bytesPerSecond ? Math.ceil(leftBytes / bytesPerSecond) : null,
      current: this.#current ?? null,
      leftOut: { count: this.#leftCount, items: this.#left },
      present: this.#present,
      error: this.error ?? null,
    };
  }

  #rate(bytes: number): number | undefined {
    const [first] = this.#samples;
    const seconds = first ? (this.#clock.monoMs() - first.monoMs) / 1000 : 0;
    return first && seconds >= 1 ? Math.round((bytes - first.bytes) / seconds) : undefined;
  }
}

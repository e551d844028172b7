import type { ImportPace } from './copy-file.ts';
import type { LeftFile } from './left-file.ts';

/** What a job reports while it works. */
export interface JobReport {
  /** Reports what is still to be done. */
  left(files: number, bytes: number): void;
  /** Files that were left out are tried again. */
  forgetLeftOut(): void;
  /** Begins a file. If the same file was begun before, its earlier bytes no longer count. */
  begin(name: string): void;
  bytes(count: number): void;
  done(sizeBytes: number): void;
  /** The path has recordings of the times of the present file. */
  isPresent(): void;
  leftOut(file: LeftFile): void;
  /** Stores the memory for the job that continues. Once this resolves, it survives a power cut. */
  keep(memory: object): Promise<void>;
}

export interface TransferJob {
  /** State with which a later job continues this one. */
  readonly memory: object;
  /** Does what is left. @throws PerchError while nothing can be done, after which it is called again; the reason of the signal */
  run(report: JobReport, pace: ImportPace): Promise<void>;
  /** Removes the parts of an incomplete recording. */
  discard?(): Promise<void>;
}

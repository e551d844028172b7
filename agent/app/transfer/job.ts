import type { ImportPace } from '../import/copy-file.ts';
import type { LeftFile } from '../import/left-file.ts';

/** What a job reports while it works. */
export interface JobReport {
  /** What is still to be done. */
  left(files: number, bytes: number): void;
  /** Files that were left out are tried again. */
  forgetLeftOut(): void;
  /** The present file; what it did of it is forgotten if it is begun again. */
  begin(name: string): void;
  bytes(count: number): void;
  done(sizeBytes: number): void;
  /** The path has recordings of the times of the present file. */
  isPresent(): void;
  leftOut(file: LeftFile): void;
  /** Survives a power cut once this resolves. @param memory for the job that continues */
  keep(memory: object): Promise<void>;
}

export interface TransferJob {
  /** With which another one continues. */
  readonly memory: object;
  /** Does what is left. @throws PerchError while nothing can be done: it is called again; the reason of the signal */
  run(report: JobReport, pace: ImportPace): Promise<void>;
  /** Removes what there is of a recording that is not complete. */
  discard?(): Promise<void>;
}

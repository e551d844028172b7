import type { FileCut } from '../read/cut.ts';
import type { VirtualFile } from '../read/virtual-file.ts';

/** A container format. Receives the samples of each recording in order. */
export interface DownloadWriter {
  /** @param cut not empty */
  add(cut: FileCut): void;
  /** The memory limit is reached: further recordings need another download. */
  readonly isFull: boolean;
  /** Called once, after `add`. */
  finish(): VirtualFile;
}

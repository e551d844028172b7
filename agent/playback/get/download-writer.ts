import type { FileCut } from '../read/cut.ts';
import type { VirtualFile } from '../read/virtual-file.ts';

/** A form in which samples are answered: it is given what each recording has of them, in order. */
export interface DownloadWriter {
  /** @param cut is not empty */
  add(cut: FileCut): void;
  /** Takes as much memory as an answer may: what comes next is for another. */
  readonly isFull: boolean;
  /** To be called once, after something was added. */
  finish(): VirtualFile;
}

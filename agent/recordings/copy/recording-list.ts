import type { MovedFiles } from '../../playback/index/moved-files.ts';
import type { recordFormatOf } from '../../record/file/record-path.ts';
import type { ImportPace } from './copy-file.ts';

export interface Target {
  /** That of the path. */
  readonly recordPath: string;
  /** Time in the name of the copy, Unix microseconds. */
  readonly nameUs: number;
  readonly format: ReturnType<typeof recordFormatOf>;
}

/** Times of a recording, in Unix microseconds. */
export interface Times {
  readonly startUs: number;
  readonly endUs: number;
}

/** present: the path has recordings of its times. gone: it was deleted. */
export type Outcome = 'taken' | 'present' | 'gone';

/** A recording that is to be copied. */
export interface SourceRecording {
  /** For people. */
  readonly name: string;
  /** Path whose recording it becomes. */
  readonly path: string;
  readonly sizeBytes: number;
  /** The recording if it is a file of this machine: its stills and signatures are copied, too. */
  readonly file?: string;
  /** Name of a draft that `write` continues if it is there. */
  readonly draft?: string;
  /** Memory of a list that continues after this recording. */
  readonly after?: object;
  /** Whether it is copied, without a look into it. @throws PerchError badInput if it is left out; another one if nothing can be copied now */
  check(): Promise<Target | Exclude<Outcome, 'taken'>>;
  /** @throws PerchError as `check` does */
  open(): Promise<OpenRecording>;
  ended?(outcome: Outcome): Promise<void>;
}

export interface OpenRecording {
  /** The path may have recordings of them. Undefined: that does not matter. */
  readonly times?: Times;
  /** A hard link is as good as a copy. */
  readonly canBeLinked?: boolean;
  /** Writes the recording into a draft, whose end may be unflushed. */
  write(draft: string, pace: ImportPace, onBytes: (bytes: number) => void): Promise<Written>;
  close?(): Promise<void>;
}

interface Written {
  /** Time of the last change, Unix milliseconds. */
  readonly modifiedMs: number;
  /** Times by the content, or undefined if they were known before. */
  readonly times?: Times;
}

export interface Sum {
  readonly files: number;
  readonly bytes: number;
}

export interface Moves extends Pick<MovedFiles, 'hold' | 'moved'> {
  /** Keeps a recording from being deleted. @returns a function that ends this */
  keep?(file: string): () => void;
}

/** Recordings that are elsewhere, and how one is opened. */
export interface RecordingList {
  /** Originals are deleted once their copies are on the disk and have the same bytes. */
  readonly moves?: Moves | undefined;
  /** The name of a copy is that of its time: a file that has it is a recording of this time. */
  readonly isNamedByTime?: boolean;
  /** Called before the first pass. */
  begin?(pace: ImportPace): Promise<void>;
  /** What is left. @throws PerchError if nothing can be read now */
  sum(pace: ImportPace): Promise<Sum>;
  /** In the order in which they are copied. */
  recordings(signal: AbortSignal): AsyncIterable<SourceRecording>;
  /** Whether there is another pass over what is left. Undefined: the list is passed once, and continues after a recording. */
  again?(taken: number, signal: AbortSignal): Promise<boolean>;
  /** Called after the last pass. */
  end?(pace: ImportPace): Promise<void>;
  /** The error as one of this recording, or of the transfer. */
  faultOf?(error: unknown, name: string): Promise<unknown>;
}

import type { MoofPatch } from './moof-patch.ts';
import type { Tabled } from './table-cache.ts';

/** A recording whose bytes are to be sent. */
export interface RecordedFile {
  readonly file: string;
  readonly sizeBytes: number;
  /** It has exactly this size; otherwise at least. */
  readonly isFinished: boolean;
}

/** A recording, whole fragments of it with changed headers, or samples. */
export interface FileSource {
  readonly recording: RecordedFile;
  readonly patch: MoofPatch | undefined;
  /** Nothing behind it is needed. */
  endOffset: number;
}

/** Where bytes of an answer come from. */
export type Source = FileSource | { readonly bytes: Uint8Array; readonly recording?: undefined };

/** A piece of an answer: bytes [start, end) of it are those of the source from `offset` on. */
export interface Slice {
  readonly source: Source;
  readonly start: number;
  readonly end: number;
  readonly offset: number;
}

/** Tells which piece of an answer a byte is in. */
export interface SliceLookup {
  /** Undefined behind the end. */
  sliceAt(position: number): Slice | undefined;
}

/** What has to be the same when a recording is read later. */
export const recordedFile = ({ file, head, endOffset }: Tabled): RecordedFile => ({
  file,
  sizeBytes: head.isFinished ? head.sizeBytes : endOffset,
  isFinished: head.isFinished,
});

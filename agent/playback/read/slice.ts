import type { MovedFiles } from '../index/moved-files.ts';
import type { OpenRemote } from '../mpegts/ts-file.ts';
import type { TsFragment } from '../mpegts/ts-index.ts';
import type { MoofPatch } from './moof-patch.ts';
import type { Tabled } from './table-cache.ts';

export interface RecordedFile {
  readonly file: string;
  readonly sizeBytes: number;
  /** The size is exact; otherwise a minimum. */
  readonly isFinished: boolean;
  /** Fragments of an MPEG-TS recording: offsets are those of the samples' bytes alone. */
  readonly tsFragments?: readonly TsFragment[] | undefined;
  /** Opens a recording that is not on the disks of this box. */
  readonly openRemote?: OpenRemote | undefined;
  readonly moves?: MovedFiles | undefined;
}

/** A recording, whole fragments with patched headers, or samples. */
export interface FileSource {
  readonly recording: RecordedFile;
  readonly patch: MoofPatch | undefined;
  /** Reads stop here. */
  endOffset: number;
}

export type Source = FileSource | { readonly bytes: Uint8Array; readonly recording?: undefined };

/** Bytes [start, end) of a download: those of the source from `offset` on. */
export interface Slice {
  readonly source: Source;
  readonly start: number;
  readonly end: number;
  readonly offset: number;
}

export interface SliceLookup {
  sliceAt(position: number): Slice | undefined;
}

/** What must still match when a recording is read later. */
export const recordedFile = ({ file, head, endOffset, tsFragments, openRemote, moves }: Tabled): RecordedFile => ({
  file,
  sizeBytes: head.isFinished ? head.sizeBytes : endOffset,
  isFinished: head.isFinished,
  tsFragments,
  openRemote,
  moves,
});

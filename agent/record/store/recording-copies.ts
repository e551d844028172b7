import { PerchError } from '../../base/errors.ts';
import { attempt } from '../../base/log-once.ts';
import type { RangeFile } from './range-file.ts';

/** The index of every version of Perch names copies so: never like a file. */
const SCHEME = 'archive:';

/** @param name of the copy */
export const copyFile = (name: string): string => `${SCHEME}${name}`;

export const isCopyFile = (file: string): boolean => file.startsWith(SCHEME);

/** Name of the copy of a `copyFile`. */
export const copyName = (file: string): string => file.slice(SCHEME.length);

/** Whether the recording exists, but its copy cannot be read now. */
export const isCopyFault = (error: unknown): error is PerchError =>
  error instanceof PerchError && error.code !== 'notFound' && error.context['copy'] !== undefined;

export interface AwaitedRecording {
  readonly path: string;
  readonly file: string;
  /** Start by the file's name, in Unix microseconds. */
  readonly nameUs: number;
  /** The latest known start of the recording, in Unix microseconds. */
  readonly newestStartUs: number;
}

export interface StoredCopy {
  /** `yard/2026-01-31/18-00-00-000000Z.mp4` */
  readonly name: string;
  readonly path: string;
  /** Start by the file's name, in Unix microseconds. */
  readonly nameUs: number;
  readonly sizeBytes: number;
  /** Facts of the recording, written by `writeFacts`, or undefined if not yet read. */
  readonly facts: string | undefined;
}

/** Copies that can be read now. Failures have `copy` in their context. */
export interface StoredCopies {
  /** Undefined if there is no copy. */
  find(path: string, nameUs: number): StoredCopy | undefined;
  paths(): readonly string[];
  /** Copies of a path, in the order of their names. @param afterUs the last of the previous page */
  after(path: string, afterUs: number, limit: number): readonly StoredCopy[];
  /** @throws PerchError notFound; unavailable while it is not known whether there is such a copy */
  open(name: string): RangeFile;
  /** Deletes the copy. Without an effect if there is none. @throws PerchError while it cannot be reached */
  remove(path: string, nameUs: number): Promise<void>;
}

/** Copies of recordings of this box in another place, such as an archive. */
export interface RecordingCopies {
  /** Undefined: there are none, or they are away. */
  readonly stored: StoredCopies | undefined;
  /** Why it is not known which copies there are: none is deleted. Undefined: it is known. */
  readonly away: string | undefined;
  /** Whether a recording is still to be copied, and not deleted by age before. */
  isAwaited(recording: AwaitedRecording): boolean;
  /** Called when a recording was deleted by hand: it is not copied any more. */
  deletedByHand(path: string, nameUs: number, file: string): void;
  /** Whether there may be copies of a path that are not listed yet. */
  mayAppear(path: string): boolean;
}

/** While a feature fails, none of its copies is deleted, and no recording that waits for one. */
export const safeCopies = (copies: RecordingCopies, failed: (error: unknown) => void): RecordingCopies => ({
  get stored() {
    return attempt(() => copies.stored, undefined, failed);
  },
  get away() {
    return attempt(() => copies.away, 'the feature that makes copies has failed', failed);
  },
  isAwaited: (recording) => attempt(() => copies.isAwaited(recording), true, failed),
  deletedByHand: (...deleted) => attempt(() => copies.deletedByHand(...deleted), undefined, failed),
  mayAppear: (path) => attempt(() => copies.mayAppear(path), true, failed),
});

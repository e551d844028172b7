export interface AwaitedRecording {
  readonly path: string;
  readonly file: string;
  /** Start by the file's name, in Unix microseconds. */
  readonly nameUs: number;
  /** The latest known start of the recording, in Unix microseconds. */
  readonly newestStartUs: number;
}

/** Copies of recordings in another place, such as an archive. */
export interface RecordingCopies {
  /** Whether a recording is still to be copied, and not deleted by age before. */
  isAwaited(recording: AwaitedRecording): boolean;
  /** Called when a recording was deleted by hand: it is not copied any more. */
  deletedByHand(path: string, nameUs: number, file: string): void;
  /** Whether there may be copies of a path that are not listed yet. */
  mayAppear(path: string): boolean;
  /** Copies of a path that are known by name only, in the order of names, a page at a time. */
  unreadCopies(path: string, afterUs: number): readonly { readonly nameUs: number }[];
}

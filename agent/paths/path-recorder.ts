import type { Stream } from '../stream/stream.ts';

/** What records a path's streams. */
export interface PathRecorder {
  /** A new stream: recorded until it ends or `stop` is called. */
  start(stream: Stream): void;
  /** Finishes the open file. */
  stop(): Promise<void>;
  readonly status: RecordingStatus;
}

export interface RecordingStatus {
  readonly active: boolean;
  /** Why nothing is recorded, and the word for it that programs look at. */
  readonly error: string | null;
  readonly why: string | null;
  readonly since: string | null;
}

import type { Stream } from '../stream/stream.ts';

/** What records a path's streams. */
export interface PathRecorder {
  /** A new stream: recorded until it ends or `stop` is called. */
  start(stream: Stream): void;
  /** Finishes the open file. */
  stop(): Promise<void>;
  readonly status: { readonly active: boolean; readonly error: string | null; readonly since: string | null };
}

import type { Track } from '../media/track.ts';
import type { Stream } from '../stream/stream.ts';

/** What a source is given by its path. */
export interface SourceSink {
  /** The source delivers: makes the stream that its samples are written to. Called once in a run, when every track is known. */
  open(tracks: readonly Track[]): Stream;
}

/** Where a path's media comes from. */
export interface Source {
  /** As MediaMTX's API names it, such as `rtspSource`. */
  readonly type: string;
  /** One connection: resolves or rejects when it ends; ends soon after `signal` aborts. The path closes the stream afterwards. */
  run(sink: SourceSink, signal: AbortSignal): Promise<void>;
}

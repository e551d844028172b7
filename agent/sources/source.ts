import type { StreamSink } from '../stream/ingest/stream-sink.ts';

/** Where a path's media comes from. */
export interface Source {
  /** As MediaMTX's API names it, such as `rtspSource`. */
  readonly type: string;
  /** One connection: resolves or rejects when it ends; ends soon after `signal` aborts. The path closes the stream afterwards. */
  run(sink: StreamSink, signal: AbortSignal): Promise<void>;
}

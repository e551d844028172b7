import type { StreamSink } from '../../../stream/ingest/stream-sink.ts';
import type { Stream } from '../../../stream/stream.ts';

export interface Publisher {
  /** MediaMTX's API name. */
  readonly type: 'webRTCSession';
  readonly id: string;
  readonly query: string;
  /** Ends the session: another publisher took the path, or the path was removed. */
  onReplaced(reason: string, by: 'publisher' | 'configuration'): void;
}

export interface Publication extends StreamSink {
  /** Ends the stream. */
  close(): void;
}

/** An opened loudspeaker of a path's camera. */
export interface TalkChannel {
  readonly codec: 'PCMA' | 'PCMU';
  /** In Hz. */
  readonly clockRate: number;
  readonly channels: number;
  /**
   * Never blocks; drops what the camera does not accept in time.
   * @param payload one byte per sample and channel
   * @param ticks time of its first sample in samples, from any start; pauses are gaps
   */
  send(payload: Uint8Array, ticks: number): void;
  /** Frees the loudspeaker. */
  close(): void;
}

export interface WebRtcPaths {
  /**
   * The stream of a path; starts an on-demand source and waits for it.
   * @param query of the viewer's address, may configure the source
   * @throws PerchError notFound `no stream is available on path 'x'`, badInput `path 'x' is not configured`, timeout,
   * exhausted
   */
  open(path: string, query: string): Promise<Stream>;
  /** Whether the latest video has B-frames; undefined: not known. */
  hasBFrames(path: string): boolean | undefined;
  /**
   * @throws PerchError badInput if the path is not configured, accepts no publisher, or has one that may not be
   * replaced
   */
  mayPublish(path: string, when: 'now'): void;
  /** @throws PerchError badInput if the path accepts no publisher, or has one that may not be replaced */
  publish(path: string, publisher: Publisher): Publication;
  /**
   * Asks the camera whether it accepts audio, unless known. Does not disturb its video.
   * @throws PerchError with the reason: no camera, no back channel, unreachable
   */
  mayTalk(path: string): Promise<void>;
  /**
   * Connects to the camera's loudspeaker.
   * @param onEnded called when the camera closes the channel, not after `close`
   * @throws PerchError with the reason: no back channel, another talker, camera unreachable
   */
  talk(path: string, onEnded: (reason: string) => void): Promise<TalkChannel>;
}

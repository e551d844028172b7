import type { StreamSink } from '../../../stream/ingest/stream-sink.ts';
import type { Stream } from '../../../stream/stream.ts';

/** Who sends media to a path, as the path sees it. */
export interface Publisher {
  /** As MediaMTX's API names it. */
  readonly type: 'webRTCSession';
  readonly id: string;
  /** Of its address. */
  readonly query: string;
  /** Another publisher has taken the path, or the path is gone: ends the session. */
  onReplaced(reason: string, by: 'publisher' | 'configuration'): void;
}

/** A path that is being published to. */
export interface Publication extends StreamSink {
  /** The publisher has gone: the stream ends. */
  close(): void;
}

/** The loudspeaker of a path's camera, taken by one speaker. */
export interface TalkChannel {
  readonly codec: 'PCMA' | 'PCMU';
  /** Samples per second. */
  readonly clockRate: number;
  readonly channels: number;
  /**
   * Never blocks; what the camera does not take in time is lost.
   * @param payload one byte per sample and channel
   * @param ticks time of its first sample in samples, from any start; pauses are gaps
   */
  send(payload: Uint8Array, ticks: number): void;
  /** Somebody else may talk. */
  close(): void;
}

/** The paths, as far as WebRTC needs them. */
export interface WebRtcPaths {
  /**
   * The stream of a path; a source on demand is started and waited for.
   * @param query of the viewer's address: it may say something about the source
   * @throws PerchError notFound `no stream is available on path 'x'`, badInput `path 'x' is not configured`, timeout, exhausted
   */
  open(path: string, query: string): Promise<Stream>;
  /** Whether its pictures come out of their order, or did when they came last; undefined: that is not known. */
  hasBFrames(path: string): boolean | undefined;
  /** @throws PerchError badInput when the path is not configured, does not wait for a publisher, or has one that may not be replaced */
  mayPublish(path: string, when: 'now'): void;
  /** @throws PerchError badInput when the path does not wait for a publisher, or has one that may not be replaced */
  publish(path: string, publisher: Publisher): Publication;
  /**
   * Asks the camera whether it can be talked to, unless that is known. Costs the picture nothing.
   * @throws PerchError with the reason why nobody can: no camera, no back channel, it cannot be reached
   */
  mayTalk(path: string): Promise<void>;
  /**
   * Connects to the camera's loudspeaker.
   * @param onEnded nobody hears what is said from now on, and why; not called for a channel that was closed
   * @throws PerchError with the reason why nobody can talk there now: no back channel, somebody else talks, the camera is away
   */
  talk(path: string, onEnded: (reason: string) => void): Promise<TalkChannel>;
}

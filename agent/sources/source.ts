import type { StreamSink } from '../stream/ingest/stream-sink.ts';

/** Of all connections of a source since it was made; `transport` is the present one's. */
export interface SourceStatistics {
  readonly transport: 'TCP' | 'UDP' | 'UDP-multicast' | undefined;
  /** RTP packets that came. */
  readonly packets: number;
  /** RTP packets that never came. */
  readonly lost: number;
  /** RTP packets that came twice or too late to be used. */
  readonly late: number;
  /** RTP packets that came after a later one and were put in order. */
  readonly reordered: number;
  /** Packets that were no RTP of their track, datagrams of strangers included. */
  readonly badPackets: number;
  /** Times that the camera's timestamps jumped. */
  readonly jumps: number;
  /** The camera's clock minus ours, in milliseconds, as its sender reports tell it. */
  readonly clockOffsetMs?: number | undefined;
}

/** Sound to a camera's loudspeaker. */
export interface BackChannel {
  readonly codec: 'PCMA' | 'PCMU';
  /** Samples per second. */
  readonly clockRate: number;
  readonly channels: number;
  /**
   * Never blocks; what the camera does not take in time is lost, as is everything after the session's end.
   * @param payload one byte per sample and channel; 20 to 120 ms suit all cameras
   * @param ticks time of its first sample in samples, from any start; pauses are gaps
   */
  send(payload: Uint8Array, ticks: number): void;
  /** Somebody else may talk. */
  close(): void;
}

/** A camera's ear, on a connection of its own: who talks and how it goes is nothing that the picture notices. */
export interface Loudspeaker {
  /** Whether the camera can be talked to, as far as it was asked. */
  readonly state: 'yes' | 'no' | 'unknown';
  /** Asks the camera, unless it has told lately. @throws PerchError with the reason why nobody can talk */
  check(signal: AbortSignal): Promise<void>;
  /**
   * Connects to it; one speaker at a time.
   * @param onEnded nobody hears what is said from now on, and why; not called after `close` or when `signal` aborts
   * @param signal ends the talk too
   * @throws PerchError with the reason why nobody can talk now
   */
  open(onEnded: (reason: string) => void, signal: AbortSignal): Promise<BackChannel>;
}

/** Where a path's media comes from. */
export interface Source {
  /** As MediaMTX's API names it, such as `rtspSource`. */
  readonly type: string;
  /** One connection: resolves or rejects when it ends; ends soon after `signal` aborts. The path closes the stream afterwards. */
  run(sink: StreamSink, signal: AbortSignal): Promise<void>;
  /** Whether somebody answers there now. Cheap: asked every other second while the source cannot be reached. Never rejects. */
  answers?(signal: AbortSignal): Promise<boolean>;
  readonly statistics?: SourceStatistics;
  /** How long it has waited for the answer to another source's login, in milliseconds since it was made. */
  readonly heldMs?: number;
  /** The other direction, where there may be one. */
  readonly loudspeaker?: Loudspeaker;
}

import type { Track } from '../media/sample/track.ts';
import type { PeerKind, Stream } from './stream.ts';

/** Where a source or a publisher writes its media. */
export interface StreamSink {
  /** Samples are labelled with the sender's own clock, as its reports give it. */
  readonly usesSenderClock?: boolean;
  /** Its sound is not taken. */
  readonly isSilent?: boolean;
  /** Media is there: makes the stream that its samples are written to. Called once in a connection, when every track is known. */
  publish(tracks: readonly Track[]): Stream;
}

/** A session that sends media to a path. */
export interface Publisher {
  readonly kind: PeerKind;
  readonly id: string;
  /** Of its address, without `?`. */
  readonly query?: string;
  /** Another publisher has taken the path, or the path is gone: ends the session. */
  onReplaced(reason: string, by: 'publisher' | 'configuration'): void;
}

/** A path that is being published to. */
export interface Publication extends StreamSink {
  /** The publisher has gone: the stream ends. */
  close(): void;
}

/** The paths as servers and forwarders see them. */
export interface Paths {
  /**
   * Where readers of the path are sent instead (RTSP 302): an RTSP URL, or `/name` on this server; undefined: nowhere.
   * @throws PerchError badInput when the path is not configured
   */
  redirectOf(name: string): string | undefined;
  /**
   * The stream of a path; a source on demand is started and waited for.
   * @param query of the reader's address, without `?`: it may say something about the source
   * @throws PerchError notFound while there is none, badInput when the path is not configured, timeout when the source on demand
   * does not come, exhausted when there are as many readers as are allowed
   */
  open(name: string, query?: string): Promise<Stream>;
  /** The streams that are open, with the names of their paths; nothing is started. */
  openStreams(): Iterable<readonly [name: string, stream: Stream]>;
  /** Whether its pictures are reordered (B-frames), or were in its last stream; undefined: not known. */
  hasBFrames(name: string): boolean | undefined;
  /**
   * @param when 'now' checks what `publish` checks; 'later' only what no waiting mends
   * @throws PerchError badInput when the path is not configured, or disabled; 'now' also when it does not wait for a publisher, or
   * has one that may not be replaced
   */
  mayPublish(name: string, when?: 'now' | 'later'): void;
  /** @throws PerchError badInput when the path does not wait for a publisher, or has one that may not be replaced */
  publish(name: string, publisher: Publisher): Publication;
  /**
   * Asks the camera whether it can be talked to, unless that is known. Costs the picture nothing.
   * @throws PerchError with the reason: no camera, no back channel, it cannot be reached
   */
  mayTalk(name: string): Promise<void>;
  /**
   * Connects to the camera's loudspeaker.
   * @param onEnded the camera plays nothing from now on, and why; not called for a channel that was closed
   * @throws PerchError with the reason: no back channel, another speaker talks, the camera is away
   */
  talk(name: string, onEnded: (reason: string) => void): Promise<BackChannel>;
}

/** Of all connections of a source since it was made; `transport` is the present one's. */
export interface SourceStatistics {
  readonly transport: 'TCP' | 'UDP' | 'UDP-multicast' | undefined;
  /** RTP packets received. */
  readonly packets: number;
  /** RTP packets that never came. */
  readonly lost: number;
  /** RTP packets that came twice or too late to be used. */
  readonly late: number;
  /** RTP packets that came after a later one and were put in order. */
  readonly reordered: number;
  /** Packets that are no RTP of their track, datagrams of other senders included. */
  readonly badPackets: number;
  /** Jumps of the camera's timestamps. */
  readonly jumps: number;
  /** The camera's clock minus ours, in milliseconds, as its sender reports give it. */
  readonly clockOffsetMs?: number | undefined;
}

/** Sound to a camera's loudspeaker, taken by one speaker. */
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
  /** Another speaker may talk. */
  close(): void;
}

/** A camera's loudspeaker, on a connection of its own: the picture does not depend on it. */
export interface Loudspeaker {
  /** Whether the camera can be talked to, as far as it was asked. */
  readonly state: 'yes' | 'no' | 'unknown';
  /** Asks the camera, unless its last answer is recent. @throws PerchError with the reason why it takes no sound */
  check(signal: AbortSignal): Promise<void>;
  /**
   * Connects to it; one speaker at a time.
   * @param onEnded the camera plays nothing from now on, and why; not called after `close` or when `signal` aborts
   * @param signal ends the talk too
   * @throws PerchError with the reason why it takes no sound now
   */
  open(onEnded: (reason: string) => void, signal: AbortSignal): Promise<BackChannel>;
}

/** Where a path's media comes from. */
export interface Source {
  /** As MediaMTX's API names it, such as `rtspSource`. */
  readonly type: string;
  /** One connection: resolves or rejects when it ends; ends soon after `signal` aborts. The path closes the stream afterwards. */
  run(sink: StreamSink, signal: AbortSignal): Promise<void>;
  /** Whether the address answers now. Cheap: called every other second while the source cannot be reached. Never rejects. */
  readonly answers?: ((signal: AbortSignal) => Promise<boolean>) | undefined;
  readonly statistics?: SourceStatistics | undefined;
  /** How long it has waited for the answer to another source's login, in milliseconds since it was made. */
  readonly heldMs?: number | undefined;
  /** The other direction, where there may be one. */
  readonly loudspeaker?: Loudspeaker | undefined;
}

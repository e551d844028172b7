import type { Track } from '../media/sample/track.ts';
import type { PeerKind, Stream } from './stream.ts';

/** Where a source or a publisher writes its media. */
export interface StreamSink {
  /** The wall times of samples come from the sender's clock, as its RTCP sender reports state it. */
  readonly usesSenderClock?: boolean;
  /** Audio is left out. */
  readonly isSilent?: boolean;
  /** A transport stream in RTP is demuxed into its tracks; otherwise it is one track. */
  readonly demuxesMpegts?: boolean;
  /** Opens the stream for the samples, instead of a former one. Called when all tracks are known, again when others come late. */
  publish(tracks: readonly Track[]): Stream;
}

/** A session that sends media to a path. */
export interface Publisher {
  readonly kind: PeerKind;
  readonly id: string;
  /** Query of the publisher's address, without `?`. */
  readonly query?: string;
  /** Ends the session: another publisher replaces it, or the path is removed. */
  onReplaced(reason: string, by: 'publisher' | 'configuration'): void;
}

/** A publisher's stream on a path. */
export interface Publication extends StreamSink {
  /** Ends the stream. */
  close(): void;
}

/** The paths as servers and forwarders see them. */
export interface Paths {
  /**
   * The target of a redirect (RTSP 302) for readers of the path: an RTSP URL, or `/name` on this server, or undefined without a redirect.
   * @throws PerchError badInput when the path is not configured
   */
  redirectOf(name: string): string | undefined;
  /**
   * The stream of a path; starts a source on demand and waits for it.
   * @param query query string of the reader's address, without `?`; the address of the source may contain it
   * @throws PerchError notFound without a stream, badInput when the path is not configured, timeout if a source on demand
   * does not start, exhausted at `maxReaders`
   */
  open(name: string, query?: string): Promise<Stream>;
  /** Open streams with the names of their paths. */
  openStreams(): Iterable<readonly [name: string, stream: Stream]>;
  /** Whether pictures are reordered (B-frames), or were in the last stream, or undefined if unknown. */
  hasBFrames(name: string): boolean | undefined;
  /**
   * @param when 'now' checks the same as `publish`; 'later' only permanent conditions
   * @throws PerchError badInput when the path is not configured, or disabled; 'now' also when it accepts no publisher, or
   * has one that may not be replaced
   */
  mayPublish(name: string, when?: 'now' | 'later'): void;
  /** @throws PerchError badInput when the path accepts no publisher, or has one that may not be replaced */
  publish(name: string, publisher: Publisher): Publication;
  /**
   * Finds out whether the camera has a back channel, unless that is known. Does not affect the stream.
   * @returns the audio format of the loudspeaker
   * @throws PerchError with the reason: no camera, no back channel, not reachable
   */
  mayTalk(name: string): Promise<TalkFormat>;
  /**
   * Connects to the camera's loudspeaker.
   * @param onEnded called with the reason when the camera ends the talk; not called after `close`
   * @throws PerchError with the reason: no back channel, another speaker, not reachable
   */
  talk(name: string, onEnded: (reason: string) => void): Promise<BackChannel>;
}

/** Sums over all connections of a source; `transport` is the current one. */
export interface SourceStatistics {
  readonly transport: 'TCP' | 'UDP' | 'UDP-multicast' | undefined;
  /** RTP packets received. */
  readonly packets: number;
  /** RTP packets not received. */
  readonly lost: number;
  /** Duplicate RTP packets, and those received too late. */
  readonly late: number;
  /** RTP packets received out of order and reordered. */
  readonly reordered: number;
  /** Packets that are not RTP of their track, and datagrams of other senders. */
  readonly badPackets: number;
  /** Jumps of the camera's timestamps. */
  readonly jumps: number;
  /** The camera's clock minus ours, in milliseconds, from its sender reports. */
  readonly clockOffsetMs?: number | undefined;
}

/** Audio format that a loudspeaker accepts. */
export interface TalkFormat {
  readonly codec: 'PCMA' | 'PCMU';
  /** Samples per second. */
  readonly clockRate: number;
  readonly channels: number;
}

/** Audio to a camera's loudspeaker; one speaker at a time. */
export interface BackChannel extends TalkFormat {
  /**
   * Never blocks; audio that cannot be sent in time, or after the end of the session, is dropped.
   * @param payload one byte per sample and channel; 20 to 120 ms suit all cameras
   * @param ticks time of the first sample in samples, from any start; pauses are gaps
   */
  send(payload: Uint8Array, ticks: number): void;
  /** Frees the loudspeaker for another speaker. */
  close(): void;
}

/** A camera's loudspeaker, on its own connection: the stream does not depend on it. */
export interface Loudspeaker {
  /** Whether the camera has a back channel, by the last check. */
  readonly state: 'yes' | 'no' | 'unknown';
  /** Checks the camera, unless the last result is recent. @throws PerchError with the reason */
  check(signal: AbortSignal): Promise<TalkFormat>;
  /**
   * Connects to the loudspeaker; one speaker at a time.
   * @param onEnded called with the reason when the camera ends the talk; not called after `close` or when `signal` aborts
   * @param signal aborting it also ends the talk
   * @throws PerchError with the reason
   */
  open(onEnded: (reason: string) => void, signal: AbortSignal): Promise<BackChannel>;
}

/** The source of a path's media. */
export interface Source {
  /** Type name in MediaMTX's API, such as `rtspSource`. */
  readonly type: string;
  /** Makes one connection; resolves or rejects when it ends, soon after `signal` aborts. The path then closes the stream. */
  run(sink: StreamSink, signal: AbortSignal): Promise<void>;
  /** Whether the address answers now; called every two seconds while it is unreachable. Never rejects. */
  readonly answers?: ((signal: AbortSignal) => Promise<boolean>) | undefined;
  readonly statistics?: SourceStatistics | undefined;
  /** Total time spent waiting for login turns, in milliseconds. */
  readonly heldMs?: number | undefined;
  readonly loudspeaker?: Loudspeaker | undefined;
}

/** `flac`: Opus as FLAC, for players without Opus. Tracks that cannot be transcoded stay unchanged. */
type AudioForm = 'flac';

/** Transcodes the audio of streams, once for all readers, only while there are readers. */
export interface AudioForms {
  /**
   * The stream itself if there is nothing to transcode. Close the original, never the derived one.
   * Transcoding takes some milliseconds, by which audio is later than video, also in a replay.
   */
  of(stream: Stream, form: AudioForm): Stream;
  /**
   * Like `of`, but first transcodes the audio of the cached group, so that it can be replayed. Never rejects; takes at most half a second.
   * The derived stream stays open for 10 s without a reader.
   */
  open(stream: Stream, form: AudioForm): Promise<Stream>;
}

/** One frame of 20 ms, or three: a third of the packets. */
export type OpusPacketMs = 20 | 60;

/** Transcodes audio that browsers do not support over WebRTC (AAC-LC, PCM) to Opus. */
export interface OpusSound {
  /** The reason, in words for the user and without commas, why a track cannot be transcoded, or undefined if it can. */
  whyNot(track: Track): string | undefined;
  /**
   * A stream of this track only, shared by all callers; reads the original only while it has readers. Close the original, never this one.
   * @param track number of a track that can be transcoded
   * @param packetMs duration of a packet
   */
  of(stream: Stream, track: number, packetMs: OpusPacketMs): Stream;
}

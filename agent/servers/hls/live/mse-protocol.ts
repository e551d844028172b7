import type { ErrorCode } from '../../../base/errors.ts';

/*
 * Live fMP4 over a WebSocket, for Media Source Extensions: `ws(s)://{host}/{path}/mse`.
 *
 *     client                                     server
 *     GET …/mse?codecs=avc1,hvc1.1.6,opus  ──►
 *                                          ◄──  101
 *                                          ◄──  text    init     what follows, and where playback starts
 *                                          ◄──  binary           init segment (ftyp, moov)
 *                                          ◄──  text    clock    the capture time of the media; again each second
 *                                          ◄──  binary …         fragments (moof, mdat): at once all since the last key frame, then as they come
 *                                          ◄──  text    skip     the connection was too slow: fragments are missing here
 *                                          ◄──  text    init     parameters have changed: a new init segment follows
 *                                          ◄──  text    error    why it ends, then the WebSocket is closed
 *
 * The client sends nothing: data from it closes the WebSocket (1003). Pings are answered by the browser itself:
 * a viewer that answers none for 25 s is gone.
 *
 * Query, in addition to credentials (`jwt`, `token`, …):
 *   codecs   what the browser can decode: names as MediaSource.isTypeSupported takes them, or their beginnings up to a dot
 *            (`avc1`, `hvc1.1.6`), separated by commas. Other tracks are left out. If the list has video codecs, but not that
 *            of a stream with video, the answer is an error. Without the parameter everything is sent.
 *   audio    `flac`: Opus comes as FLAC.
 *
 * One binary message is one init segment or one fragment of all tracks, and may be appended as it is (several at once too).
 * Media times are one clock for all viewers of a stream and begin anywhere: seek to `liveS`, or set timestampOffset to -startS.
 * Without permission the answer is HTTP's (401); `error` reports all other failures.
 */

/** Text messages, as JSON. */
export type MseMessage = MseInit | MseClock | MseSkip | MseError;

/**
 * Announces the init segment, which is the next binary message. Sent first, and again when a camera changes its video.
 */
export interface MseInit {
  readonly type: 'init';
  /** For addSourceBuffer, changeType and isTypeSupported: `video/mp4; codecs="avc1.640028,fLaC"`. */
  readonly mimeCodec: string;
  readonly tracks: readonly MseTrack[];
  /** Tracks that are not sent. */
  readonly leftOut: readonly MseLeftOut[];
  /** Media time of the first sample that follows, in seconds. */
  readonly startS: number;
  /** Media time of the newest frame that follows at once: playback starts here. */
  readonly liveS: number;
}

export interface MseTrack {
  readonly kind: 'video' | 'audio';
  /** `avc1.640028` */
  readonly codec: string;
  /** `H264` */
  readonly label: string;
  readonly width?: number;
  readonly height?: number;
}

export interface MseLeftOut {
  readonly kind: 'video' | 'audio' | 'other';
  /** `MPEG-4 Audio` */
  readonly label: string;
  /** Undefined if MP4 has no mapping. */
  readonly codec?: string;
  /**
   * `browser`: not in `codecs`. `container`: no browser plays it from MP4. `second`: one track of each kind is sent.
   */
  readonly reason: 'browser' | 'container' | 'second';
}

/**
 * A player's latency, independent of its own clock: nowMs + (time since the message arrived) - captureMs - (currentTime
 * - mediaS) × 1000.
 */
export interface MseClock {
  readonly type: 'clock';
  /** Media time in seconds. */
  readonly mediaS: number;
  /** Capture time of that media time, Unix milliseconds. */
  readonly captureMs: number;
  /** When this message was written, same clock. */
  readonly nowMs: number;
}

/** Fragments are missing: a key frame follows, and the player has to seek over the gap. */
interface MseSkip {
  readonly type: 'skip';
  /** Media time of the next fragment, in seconds. */
  readonly toS: number;
}

/** The last message. */
export interface MseError {
  readonly type: 'error';
  /**
   * `codecs`: the browser can decode no track, or no video; `ended`: the stream has ended and may return; `tooSlow`:
   * the connection is; `kicked`: through the API; else the API's error codes: notFound, timeout, exhausted, unsupported
   * …
   */
  readonly code: ErrorCode | 'codecs' | 'ended' | 'tooSlow' | 'kicked';
  /** For people, in English. */
  readonly error: string;
  /** With `codecs`: labels of the stream's tracks (`H265`). */
  readonly labels?: readonly string[];
}

/** Close codes of the WebSocket (RFC 6455 §7.4). */
export const MSE_CLOSE = {
  /** After an `error`. */
  reported: 4000,
  /** The client has sent data. */
  unwanted: 1003,
} as const;

import type { Track } from '../sample/track.ts';

/** In pixels. */
export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/** One `a=rtpmap` of an SDP media section with its `a=fmtp`. */
export interface RtpFormat {
  readonly payloadType: number;
  /** Upper case: `H264`, `H265`, `MPEG4-GENERIC`, `PCMA`, `PCMU`, `OPUS`. */
  readonly encoding: string;
  readonly clockRate: number;
  readonly channels: number;
  /** Keys in lower case, values as sent. */
  readonly fmtp: ReadonlyMap<string, string>;
  /** From the SDP, outside the formats; for JPEG alone, whose packets have no room for large sizes. */
  readonly pictureSize?: PictureSize;
}

/** Where a depacketizer puts what it has assembled. */
export interface UnitSink {
  /**
   * One whole access unit or audio frame.
   * @param pts,dts ticks of the RTP clock on the same unwrapped scale that `push` was given; dts <= pts, dts strictly increasing for video
   * @param data in the form of `Sample.data`, owned by the receiver
   */
  onUnit(pts: number, dts: number, key: boolean, data: Uint8Array): void;
  /** The track's description became known or changed; comes before the unit that needs it. */
  onTrack(track: Track): void;
  /** A damaged unit was dropped (a lost fragment, a limit): nothing more comes until the next key unit. */
  onDamage(reason: string): void;
}

/** What is assumed of a sender. */
export interface SenderTraits {
  /** Its first marker is not believed before what follows shows that it ends a picture: there are cameras that mark each slice. */
  readonly hasDoubtfulMarkers?: boolean;
  /** After a loss pictures continue at once, also those that refer to missing ones. */
  readonly continuesAfterLoss?: boolean;
}

/** Turns the RTP payloads of one format into access units. Synchronous, bounded, never throws on bad input: damage is reported to the sink. */
export interface Depacketizer {
  /**
   * @param chunk holds the payload in [start, end); valid during the call only: what is kept is copied, once
   * @param ticks the packet's RTP timestamp, unwrapped (may start anywhere, does not jump at 2^32)
   * @param gap packets are missing right before this one
   */
  push(chunk: Uint8Array, start: number, end: number, ticks: number, marker: boolean, gap: boolean): void;
}

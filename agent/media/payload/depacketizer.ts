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
  /** From the SDP, outside the formats; for JPEG, whose RTP headers cannot express large sizes. */
  readonly pictureSize?: PictureSize;
  /** Both attributes as sent, without payload type: `X-GST/90000`. */
  readonly text?: { readonly rtpmap: string; readonly fmtp: string };
}

/** Receives the units of a depacketizer. */
export interface UnitSink {
  /**
   * One complete access unit or audio frame.
   * @param pts,dts ticks of the RTP clock on the same unwrapped scale that `push` was given; dts <= pts, dts strictly increasing for video
   * @param data in the form of `Sample.data`, owned by the receiver
   */
  onUnit(pts: number, dts: number, key: boolean, data: Uint8Array): void;
  /** A new or changed description of the track; called before the unit that needs it. */
  onTrack(track: Track): void;
  /** A damaged unit was dropped (a lost fragment, a limit); units follow from the next key unit on. */
  onDamage(reason: string): void;
}

/** Properties of a sender that change how its media is depacketized. */
export interface SenderTraits {
  /** The first marker is checked against the next NAL unit: some cameras mark each slice. */
  readonly hasDoubtfulMarkers?: boolean;
  /** After a loss all pictures are delivered, also those with missing references. */
  readonly continuesAfterLoss?: boolean;
  /** A file that is read from any place: all pictures are delivered, also those before the first key picture. */
  readonly isFile?: boolean;
  /** A format without a codec is passed on as it is, as media of this kind. */
  readonly relayAs?: 'audio' | 'video' | 'application';
  /** KLV of a transport stream is a track. */
  readonly takesMetadata?: boolean;
}

/** Turns the RTP payloads of one format into access units. Synchronous, bounded, never throws on bad input: damage is reported to the sink. */
export interface Depacketizer {
  /**
   * @param chunk holds the payload in [start, end); valid during the call only, so kept bytes are copied once
   * @param ticks the packet's RTP timestamp, unwrapped (may start anywhere, does not jump at 2^32)
   * @param gap packets are missing right before this one
   */
  push(chunk: Uint8Array, start: number, end: number, ticks: number, marker: boolean, gap: boolean): void;
}

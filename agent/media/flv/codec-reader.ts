import type { UnitSink } from '../payload/depacketizer.ts';

/** A track of an FLV stream, implemented by the owner of the demuxer. */
export interface FlvTrack extends UnitSink {
  /** @param timestamp decode time in milliseconds, 32 bits @returns the same without jumps */
  arrive(timestamp: number): number;
  /** The time of an audio frame of `frameMs`, directly after the previous one if that is what the rounded time means. */
  follow(ticks: number, frameMs: number): number;
}

/** Reads the packets of one track. Bad ones are reported to the track. */
export interface CodecReader {
  /** The decoder's configuration. Valid during the call only. @throws PerchError */
  configure(data: Uint8Array, start: number, end: number): void;
  /** One access unit or audio frame, in milliseconds. Valid during the call only. @throws PerchError */
  frame(data: Uint8Array, start: number, end: number, pts: number, dts: number): void;
}

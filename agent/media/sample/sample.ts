/**
 * One video access unit or one audio frame. Immutable: all outputs share it.
 */
export interface Sample {
  /** Presentation time in ticks of the track's clock rate; unwrapped, so it never jumps at 2^32. Never negative. */
  readonly pts: number;
  /** Decode time, same ticks. Equals `pts` unless the stream has B-frames. */
  readonly dts: number;
  /** Capture time in Unix milliseconds, with fraction: the local clock at arrival, smoothed by the RTP clock. */
  readonly wall: number;
  /** A reader can join here: H.264 IDR, H.265 IRAP, key frames of AV1, VP8 and VP9, I-VOPs, every image of MJPEG; audio: every sample. */
  readonly key: boolean;
  /**
   * H.264/H.265 as MP4 stores it: 4-byte length + NAL unit, repeated (no parameter sets, no AUD);
   * AV1: a temporal unit of OBUs with sizes; else one frame, as described by the track's type.
   * Unchanged while it is held (`slab.ts`).
   */
  readonly data: Uint8Array;
}

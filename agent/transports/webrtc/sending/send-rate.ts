/** How fast video is sent. */
export interface SendRate {
  /** Bytes that are sent at once after a pause; most frames are smaller. */
  readonly burstBytes: number;
  readonly bytesPerMs: number;
  /** The rate of a replay: the cached GOP at the start or after a picture loss. */
  readonly replayBytesPerMs: number;
}

/**
 * A camera's 100 Mbit/s link delivers as fast. Chromium's socket holds 113 unread packets. A GOP is replayed at 48
 * Mbit/s: ten seconds of 2 Mbit/s take as long as a browser needs to decode them.
 */
export const FULL_RATE: SendRate = { burstBytes: 64_000, bytesPerMs: 12_500, replayBytesPerMs: 6_000 };

const REDUCED_BURST_BYTES = 6_000;

export const reducedRate = (bytesPerMs: number): SendRate => ({
  burstBytes: REDUCED_BURST_BYTES,
  bytesPerMs,
  replayBytesPerMs: bytesPerMs,
});

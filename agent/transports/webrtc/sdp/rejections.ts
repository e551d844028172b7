import { PerchError } from '../../../base/errors.ts';

/** The result stays the same until the stream or the player changes: no need to retry every two seconds. */
const HOPELESS_RETRY_S = 15;

/** Rejects an offer that fails again when repeated. The context tells clients when to retry. */
export function offerError(message: string, context: Record<string, unknown> = {}): PerchError {
  return new PerchError('badInput', message, { ...context, retryAfterS: HOPELESS_RETRY_S });
}

export const B_FRAMES_UNSUPPORTED =
  "WebRTC doesn't support H264 streams with B-frames: turn them off in the camera, or watch it over HLS";

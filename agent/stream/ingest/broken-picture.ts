import type { TrackReceiver } from './track-receiver.ts';

/** So long we wait for a whole picture after damage: a new connection begins with one. */
const BROKEN_PICTURE_MS = 30_000;
/** Without a packet for this long the track is not broken but gone, which the caller judges. */
const GONE_MS = 10_000;

/** What is wrong with a picture whose packets come and never make a whole one, for a message behind its sender's name; undefined: nothing. */
export function brokenPicture(receiver: TrackReceiver, startedMs: number, nowMs: number): string | undefined {
  const { isVideo, packets, lastUnitMs, lastPacketMs, damage, format } = receiver;
  const isSending = packets > 0 && nowMs - lastPacketMs < GONE_MS;
  if (!isVideo || !isSending || nowMs - Math.max(startedMs, lastUnitMs) < BROKEN_PICTURE_MS) {
    return undefined;
  }
  const why = damage === undefined ? '' : `: ${damage}`;
  return `sends ${format.encoding}, but no whole picture for ${BROKEN_PICTURE_MS / 1000} s${why}`;
}

import type { Track } from '../../media/sample/track.ts';
import type { TrackTimeline } from './track-timeline.ts';

/** A track as it arrives. */
export interface InboundTrack {
  /** Name of the encoding, for messages: `H264`. Empty: the sender has not announced the track. */
  readonly encoding: string;
  readonly isVideo: boolean;
  readonly timeline: TrackTimeline;
  /** Undefined: not known yet. */
  readonly track: Track | undefined;
  /** Packets received so far, or whatever its transport counts instead. */
  readonly packets: number;
  /** Monotonic time of the last packet, and of the one that completed the last unit; 0: none yet. */
  readonly lastPacketMs: number;
  readonly lastUnitMs: number;
  /** Why no unit was completed since the last one, if known. */
  readonly damage: string | undefined;
}

/** Whether the format is unknown. Such a track may be silent for long, as metadata is, and nothing waits for it. */
export const isRelayed = ({ track }: InboundTrack): boolean => track?.codec === 'generic';

/** Receives the units of a track. */
export interface UnitOutput {
  /** `ptsTicks` and `dtsTicks` are on the scale of the track's timeline. */
  onUnit(inbound: InboundTrack, ptsTicks: number, dtsTicks: number, key: boolean, data: Uint8Array): void;
  onTrack(inbound: InboundTrack, track: Track): void;
  onDamage(inbound: InboundTrack, reason: string): void;
  /** Packets that are left out, and why. Called once for each reason. */
  onStray?(inbound: InboundTrack, reason: string): void;
}

/** Longest wait for a complete picture after damage: a new connection begins with one. */
const BROKEN_PICTURE_MS = 30_000;
/** Without a packet for this long the track has stopped, which the caller handles. */
const GONE_MS = 10_000;

/** The fault of a video track whose packets never form a complete picture, for a message after the sender's name. */
export function brokenPicture(receiver: InboundTrack, startedMs: number, nowMs: number): string | undefined {
  const { lastUnitMs, lastPacketMs, damage, encoding } = receiver;
  if (nowMs - lastPacketMs >= GONE_MS || nowMs - Math.max(startedMs, lastUnitMs) < BROKEN_PICTURE_MS) {
    return undefined;
  }
  const why = damage === undefined ? '' : `: ${damage}`;
  return `sends ${encoding}, but no whole picture for ${BROKEN_PICTURE_MS / 1000} s${why}`;
}

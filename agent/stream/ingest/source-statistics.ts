import type { SourceStatistics } from '../contracts.ts';
import type { TrackReceiver } from './track-receiver.ts';

/** A track and how its packets arrive. */
export interface ReceivedTrack {
  readonly receiver: TrackReceiver;
  readonly kind: 'TCP' | 'UDP' | 'UDP-multicast';
  /** Datagrams of other senders than the camera. */
  readonly strangers: number;
}

export const NO_STATISTICS: SourceStatistics = {
  transport: undefined,
  packets: 0,
  lost: 0,
  late: 0,
  reordered: 0,
  badPackets: 0,
  jumps: 0,
};

/** Sums since the start of the track. */
export function statisticsOf({ receiver, kind, strangers }: ReceivedTrack): SourceStatistics {
  const { packets, sequence, late, reordered, reception, foreignPackets, timeline } = receiver;
  return {
    transport: kind,
    packets,
    lost: sequence.lost,
    late,
    reordered,
    badPackets: reception.badPackets + foreignPackets + strangers,
    jumps: timeline.jumps,
  };
}

/** Adds two statistics; transport and clock offset are those of `b`. */
export function plus(a: SourceStatistics, b: SourceStatistics): SourceStatistics {
  return {
    transport: b.transport,
    packets: a.packets + b.packets,
    lost: a.lost + b.lost,
    late: a.late + b.late,
    reordered: a.reordered + b.reordered,
    badPackets: a.badPackets + b.badPackets,
    jumps: a.jumps + b.jumps,
    clockOffsetMs: b.clockOffsetMs,
  };
}

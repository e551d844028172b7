import type { SourceStatistics } from '../../stream/contracts.ts';
import type { TrackTransport } from './transport/track-transport.ts';

export const NO_STATISTICS: SourceStatistics = {
  transport: undefined,
  packets: 0,
  lost: 0,
  late: 0,
  reordered: 0,
  badPackets: 0,
  jumps: 0,
};

/** Of one track. */
export function statisticsOf({ receiver, kind, late, reordered, strangers }: TrackTransport): SourceStatistics {
  const { packets, sequence, badPackets, timeline } = receiver;
  return {
    transport: kind,
    packets,
    lost: sequence.lost,
    late: sequence.late + late,
    reordered,
    badPackets: badPackets + strangers,
    jumps: timeline.jumps,
  };
}

/** The transport is the second one's. */
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

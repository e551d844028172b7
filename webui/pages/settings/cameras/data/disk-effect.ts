import type { PathUse } from './camera-settings.ts';

interface Amount {
  readonly perDay: number;
  /** Days of recordings that are kept, or undefined if unknown. */
  readonly days: number | undefined;
}

interface DiskEffect {
  readonly before: Amount;
  readonly after: Amount;
}

interface EffectFacts {
  readonly use: PathUse | undefined;
  /** Bytes that all cameras record per day; null: unknown. */
  readonly totalPerDay: number | null | undefined;
  /** Limit of this camera's recordings; `NO_LIMIT`: all that fit. */
  readonly maxBytes: number;
  readonly beforeKbps: number;
  readonly afterKbps: number;
}

/** Effect of a bit rate on the recordings, or undefined if the camera has not recorded long enough, or states no bit rate. */
export function diskEffect(facts: EffectFacts): DiskEffect | undefined {
  const { use, totalPerDay, maxBytes, beforeKbps, afterKbps } = facts;
  const perDay = use?.bytesPerDay;
  if (!perDay || beforeKbps <= 0) {
    return undefined;
  }
  const newPerDay = (perDay * afterKbps) / beforeKbps;
  const fits = use.fitsDays;
  if (fits === null) {
    return { before: { perDay, days: undefined }, after: { perDay: newPerDay, days: undefined } };
  }
  const total = Math.max(totalPerDay ?? perDay, perDay);
  // The box gives the lower of both limits, rounded. Other cameras share the disk only.
  const isBySize = fits > 0.95 * (maxBytes / perDay);
  const onDisk = isBySize ? Number.POSITIVE_INFINITY : (fits * total) / (total - perDay + newPerDay);
  const keptOf = (days: number) => Math.min(days, use.wantedDays ?? Number.POSITIVE_INFINITY);
  return {
    before: { perDay, days: keptOf(fits) },
    after: { perDay: newPerDay, days: keptOf(Math.min(onDisk, maxBytes / newPerDay)) },
  };
}

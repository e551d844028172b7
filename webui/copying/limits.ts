/** As typed. */
export interface Limits {
  /** Days such as 2026-01-31, of this browser's time zone; empty: no limit. */
  readonly firstDay: string;
  readonly lastDay: string;
  /** Bytes per second, such as 2M; empty: no limit. */
  readonly rate: string;
}

export const NO_LIMITS: Limits = { firstDay: '', lastDay: '', rate: '' };

const RATE = /^\d+(\.\d+)?[KMG]$/;
const UNITS: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

/** The first field that is wrong. */
export function wrongLimit({ firstDay, lastDay, rate }: Limits): 'lastDay' | 'rate' | undefined {
  if (firstDay !== '' && lastDay !== '' && lastDay < firstDay) {
    return 'lastDay';
  }
  return rate.trim() === '' || (RATE.test(rate.trim()) && Number.parseFloat(rate) > 0) ? undefined : 'rate';
}

interface AskedLimits {
  readonly since?: string;
  readonly until?: string;
  readonly maxBytesPerSecond?: number;
}

/** Fields of a request. Undefined if a limit is wrong. */
export function limitsOf(limits: Limits): AskedLimits | undefined {
  const { firstDay, lastDay, rate } = limits;
  const bytes = Number.parseFloat(rate) * (UNITS[rate.trim().slice(-1)] ?? Number.NaN);
  return wrongLimit(limits) === undefined
    ? {
        ...(firstDay !== '' && { since: dayBegin(firstDay, 0) }),
        ...(lastDay !== '' && { until: dayBegin(lastDay, 1) }),
        ...(bytes > 0 && { maxBytesPerSecond: Math.max(1, Math.round(bytes)) }),
      }
    : undefined;
}

/** @param later days after it */
function dayBegin(day: string, later: number): string {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  return new Date(year, month - 1, date + later).toISOString();
}

import { daysOf, FOR_EVER, fewerDays, type PathConfig, type PathUse, recordWhen } from './camera-settings.ts';

export interface Kept {
  /** `FOR_EVER`: as long as there is room. */
  readonly days: number;
  /** What there is room for at today's rates, where that is less. */
  readonly fits: number | undefined;
}

/** How long recordings of these cameras are kept: of the one that keeps them shortest. @returns undefined while none records */
export function keptOf(configs: readonly PathConfig[], uses: readonly PathUse[]): Kept | undefined {
  const all = configs
    .filter((config) => recordWhen(config) !== 'no')
    .map(({ name, recordDeleteAfter = '' }) => {
      const days = daysOf(recordDeleteAfter);
      return {
        days,
        fits: fewerDays(
          uses.find(({ path }) => path === name),
          days,
        ),
      };
    });
  const lasts = ({ days, fits = days }: Kept): number => fits;
  return all.length === 0 ? undefined : all.reduce((least, one) => (lasts(one) < lasts(least) ? one : least));
}

/** Whole days, and at least one. */
export const wholeDays = (days: number): number => Math.max(1, Math.floor(days));

export const isForEver = ({ days }: Kept): boolean => days === FOR_EVER;

import { daysOf, daysText, FOR_EVER } from '../../../../forms/days.ts';
import { camerasWords } from '../../../../words/settings/cameras.ts';
import { fewerDays, type PathConfig, type PathUse, recordWhen } from './camera-settings.ts';

/** How long the recordings of a removed camera are kept. */
export interface RemovalTexts {
  readonly choice: string;
  readonly done: (camera: string) => string;
}

/** @param deleteAfter of the camera's settings, which still apply, or undefined if unknown */
export function removalTexts(deleteAfter: string | undefined): RemovalTexts {
  const t = camerasWords.value;
  if (deleteAfter === undefined) {
    return { choice: t.removeKeep, done: t.removed };
  }
  const days = daysOf(deleteAfter);
  if (days === FOR_EVER) {
    return { choice: t.removeKeepAll, done: t.removedKept };
  }
  const time = daysText(days);
  return { choice: t.removeKeepDays(time), done: (camera) => t.removedDays(camera, time) };
}

interface Retention {
  /** `FOR_EVER`: as long as space allows. */
  readonly days: number;
  /** Days that fit at today's rate, if fewer. */
  readonly fits: number | undefined;
}

/** Retention of these cameras: the shortest. @returns undefined if none records */
export function shortestRetention(configs: readonly PathConfig[], uses: readonly PathUse[]): Retention | undefined {
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
  const lasts = ({ days, fits = days }: Retention): number => fits;
  return all.length === 0 ? undefined : all.reduce((least, one) => (lasts(one) < lasts(least) ? one : least));
}

/** Whole days, at least one. */
export const wholeDays = (days: number): number => Math.max(1, Math.floor(days));

export const isForEver = ({ days }: Retention): boolean => days === FOR_EVER;

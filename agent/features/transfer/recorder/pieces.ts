import type { Coverage } from '../../../playback/coverage.ts';
import { merged, type UsRange, without } from '../../../playback/index/hidden-ranges.ts';
import type { Channel } from './channels.ts';

/** What is fetched at a time: after it the room on the disk is checked again. */
export const PIECE_US = 30 * 60_000_000;
/** A group of pictures that begins in a piece may end this much later. */
const CROSSING_US = 60_000_000;
/** Times of recordings are rounded: shorter ranges have no whole group of pictures. */
const MIN_RANGE_US = 500_000;

export interface Wanted {
  /** What the recorder has of the channel, by our clock. */
  readonly recorded: readonly UsRange[];
  /** What the path has, or has deleted. */
  readonly present: readonly UsRange[];
  readonly period: UsRange;
}

/** What is to be fetched, oldest first. */
export function missing({ recorded, present, period }: Wanted): readonly UsRange[] {
  const here = merged(present);
  return merged(recorded).flatMap(({ startUs, endUs }) => {
    const range = { startUs: Math.max(startUs, period.startUs), endUs: Math.min(endUs, period.endUs) };
    return range.endUs > range.startUs
      ? without(range, here).filter((one) => one.endUs - one.startUs >= MIN_RANGE_US)
      : [];
  });
}

/**
 * The newest piece that is missing and begins before `beforeUs`. It may end later, as its last group of pictures does.
 * Undefined: nothing is left
 */
export function nextPiece(wanted: Wanted, beforeUs: number): UsRange | undefined {
  const range = missing(wanted).findLast(({ startUs }) => beforeUs - startUs >= MIN_RANGE_US);
  if (!range) {
    return undefined;
  }
  const startUs = Math.max(range.startUs, Math.min(range.endUs, beforeUs) - PIECE_US);
  return { startUs, endUs: Math.min(range.endUs, beforeUs + CROSSING_US) };
}

/** Microseconds that are missing before `beforeUs`. */
export const missingUs = (wanted: Wanted, beforeUs: number): number =>
  missing(wanted).reduce((sum, { startUs, endUs }) => sum + Math.max(0, Math.min(endUs, beforeUs) - startUs), 0);

interface Limits {
  readonly sinceUs?: number | undefined;
  readonly untilUs?: number | undefined;
  /** How far the times of the recorder are from UTC. */
  readonly zoneMs?: number | undefined;
  /** What is older would be deleted at once. */
  readonly oldestMs: number;
  coverage(fromUs: number, toUs: number): Promise<Pick<Coverage, 'recorded' | 'deleted'>>;
}

/** What is to be imported of a channel, by our clock. Its times are those of the recorder. */
export async function wantedOf(
  { recordings }: Pick<Channel, 'recordings'>,
  { sinceUs = 0, untilUs = Number.MAX_SAFE_INTEGER, zoneMs = 0, oldestMs, coverage }: Limits,
): Promise<Wanted> {
  const recorded = recordings.map(({ fromMs = 0, untilMs = 0 }) => ({
    startUs: Math.round((fromMs - zoneMs) * 1_000),
    endUs: Math.round((untilMs - zoneMs) * 1_000),
  }));
  const firstUs = Math.min(...recorded.map(({ startUs }) => startUs));
  const lastUs = Math.max(...recorded.map(({ endUs }) => endUs));
  const period = { startUs: Math.max(firstUs, sinceUs, oldestMs * 1_000), endUs: Math.min(lastUs, untilUs) };
  if (!(period.endUs > period.startUs)) {
    return { recorded: [], present: [], period: { startUs: 0, endUs: 0 } };
  }
  const { recorded: here, deleted } = await coverage(period.startUs, period.endUs);
  return { recorded, present: [...here, ...deleted], period };
}

/** What an import has to do with a channel, in microseconds. */
export interface Shares {
  /** What the path has. */
  readonly hereUs: number;
  readonly deletedUs: number;
  /** What its `recordDeleteAfter` would delete at once. */
  readonly oldUs: number;
}

export async function sharesOf(channel: Pick<Channel, 'recordings'>, limits: Limits): Promise<Shares> {
  const missingWith = async (more: Partial<Limits>): Promise<number> =>
    missingUs(await wantedOf(channel, { ...limits, ...more }), Number.MAX_SAFE_INTEGER);
  const none = async () => ({ recorded: [], deleted: [] });
  const allUs = await missingWith({ oldestMs: 0, coverage: none });
  const keptUs = await missingWith({ coverage: none });
  const notHereUs = await missingWith({
    coverage: async (fromUs, toUs) => ({ ...(await limits.coverage(fromUs, toUs)), deleted: [] }),
  });
  return { hereUs: keptUs - notHereUs, deletedUs: notHereUs - (await missingWith({})), oldUs: allUs - keptUs };
}

import type { GapReason } from '../../../base/event-kinds.ts';
import type { Coverage } from '../../../playback/coverage.ts';
import { merged, type UsRange, without } from '../../../playback/index/hidden-ranges.ts';

/** Reasons that are faults: the owner wanted these recordings. */
const FAULTS: ReadonlySet<string> = new Set<GapReason>(['offline', 'diskFull', 'diskAway', 'diskFault', 'boxOff']);
/** Reasons are sampled: the recordings have the exact ends. */
const SAMPLED_US = 30_000_000;
/** Distance from times in which nothing was to be recorded. */
const DISTANCE_US = 5_000_000;
/** A camera that connects again leaves more. Shorter gaps have no whole group of pictures of nearly all cameras. */
const MIN_GAP_US = 500_000;

interface GapSettings {
  /** Ranges that need not be asked for again. */
  readonly settled: readonly UsRange[];
  readonly range: UsRange;
  /** Modes change what is recorded: the mode during the time in which the box was off is unknown. */
  readonly hasModes: boolean;
  /** `record: motion`: the box cannot know what it would have recorded, so all of an outage is missing. */
  readonly isAroundEvents: boolean;
}

/**
 * The gaps of a path that its camera may fill, newest first: by fault and over, without what was deleted, what was asked for, and times
 * in which nothing was to be recorded, or may not have been.
 */
export function gapsByFault(
  { recorded, deleted, reasons }: Coverage,
  { settled, range, hasModes, isAroundEvents }: GapSettings,
): readonly UsRange[] {
  const unseen = isAroundEvents ? reasons.filter(({ type }) => type === 'nothingSeen') : [];
  const unwanted = reasons.filter((one) => !FAULTS.has(one.type) && !unseen.includes(one));
  const ends = rangesOf(unwanted, range);
  const over = reasons.flatMap(({ type, startUs, endUs }) =>
    FAULTS.has(type) && endUs !== undefined ? [{ isOff: type === 'boxOff', startUs, endUs }] : [],
  );
  const known = merged([...recorded, ...rangesOf(unseen, range), ...over.filter(({ isOff }) => !isOff)]);
  const doubtful = over.flatMap(({ isOff, ...fault }) => {
    const off = isOff ? withUnknown(fault, known, range) : undefined;
    return off && (hasModes || ends.some((one) => one.endUs >= off.startUs && one.startUs <= off.endUs)) ? [off] : [];
  });
  const left = merged([
    ...recorded,
    ...deleted,
    ...settled,
    ...doubtful,
    ...rangesOf(unseen, range),
    ...ends.map(({ startUs, endUs }) => ({ startUs: startUs - DISTANCE_US, endUs: endUs + DISTANCE_US })),
  ]);
  return over
    .flatMap((fault) => {
      const around = {
        startUs: Math.max(range.startUs, fault.startUs - SAMPLED_US),
        endUs: Math.min(range.endUs, fault.endUs + SAMPLED_US),
      };
      return around.endUs > around.startUs
        ? without(around, left).filter(({ startUs, endUs }) => startUs < fault.endUs && endUs > fault.startUs)
        : [];
    })
    .filter(({ startUs, endUs }) => endUs - startUs >= MIN_GAP_US)
    .sort((a, b) => b.startUs - a.startUs);
}

const rangesOf = (reasons: Coverage['reasons'], range: UsRange): UsRange[] =>
  reasons.map(({ startUs, endUs = range.endUs }) => ({ startUs, endUs }));

/** The gap to ask for: the newest, and after each failure the next older one, so that none holds up the others. */
export const gapInTurn = (gaps: readonly UsRange[], failures: number): UsRange | undefined =>
  gaps[failures % Math.max(1, gaps.length)];

/**
 * The time in which the box was off, from what was known last to what is known first. Reasons are sampled only once the clock is set,
 * and the camera may have been private or paused all the time, as it was before or after.
 */
function withUnknown({ startUs, endUs }: UsRange, known: readonly UsRange[], range: UsRange): UsRange {
  const lastUs = known.findLast((one) => one.startUs < startUs)?.endUs ?? range.startUs;
  const firstUs = known.find((one) => one.endUs > endUs)?.startUs ?? range.endUs;
  return { startUs: Math.min(startUs, lastUs) - SAMPLED_US, endUs: Math.max(endUs, firstUs) + SAMPLED_US };
}

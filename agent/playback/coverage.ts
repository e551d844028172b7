import { gapsName } from '../record/gaps/gap-reason.ts';
import type { Catalog } from './index/catalog.ts';
import { merged, type UsRange } from './index/hidden-ranges.ts';
import { rowsBetween } from './vod/recording-lookup.ts';

/** More outages than most paths have in a month. */
const USUAL_REASONS = 1_000;

/** What a path has of a range, and why it lacks the rest. Times are Unix microseconds. */
export interface Coverage {
  /** With what is hidden, since it is deleted. Oldest first, without overlap. */
  readonly recorded: readonly UsRange[];
  readonly deleted: readonly UsRange[];
  /** Oldest first; `endUs` is undefined for the present reason. */
  readonly reasons: readonly { readonly type: string; readonly startUs: number; readonly endUs: number | undefined }[];
}

export async function coverageOf(catalog: Catalog, path: string, fromUs: number, toUs: number): Promise<Coverage> {
  await catalog.refresh(path, fromUs, toUs);
  const { index } = catalog;
  const recorded: UsRange[] = [];
  for (const { startUs, durationUs } of rowsBetween(catalog, path, fromUs, toUs)) {
    recorded.push({ startUs, endUs: startUs + durationUs });
  }
  return {
    recorded: merged(recorded),
    deleted: index.hidden.of(path),
    reasons: reasonsOf(catalog, path, fromUs, toUs),
  };
}

/** All reasons: without one of them, what was not to be recorded looks like a fault. Their files are limited. */
function reasonsOf({ index }: Pick<Catalog, 'index'>, path: string, fromUs: number, toUs: number): Coverage['reasons'] {
  for (let limit = USUAL_REASONS; ; limit *= 2) {
    const some = index.events.eventsOf(gapsName(path), fromUs, toUs, limit);
    if (some.length < limit) {
      return some.map(({ type, startUs, endUs }) => ({ type, startUs, endUs })).sort((a, b) => a.startUs - b.startUs);
    }
  }
}

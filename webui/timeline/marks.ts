import { encodeName } from '../api-client/urls.ts';
import { ask } from '../api-client/request.ts';
import { laneOf, type Mark, markBeside, type TimelineAnswer } from './lane.ts';
import { LEAD_MS } from './view.ts';

const HOUR_MS = 3_600_000;
/** First what is near, then further away; what is further than the last nobody finds event by event. */
const REACHES_MS = [6, 48, 16 * 24, 128 * 24, 399 * 24].map((hours) => hours * HOUR_MS);

/** The event before or after a moment. Undefined when there is none, or the box does not answer. */
export async function findMark(camera: string, ms: number, by: -1 | 1, signal: AbortSignal): Promise<Mark | undefined> {
  for (const reachMs of REACHES_MS) {
    const [from, to] = by > 0 ? [ms, ms + reachMs] : [ms - reachMs, ms + LEAD_MS];
    const query = new URLSearchParams({ from: new Date(from).toISOString(), to: new Date(to).toISOString() });
    const answer = await ask<TimelineAnswer>(`v3/timeline/${encodeName(camera)}?${query}`, { signal });
    const mark = markBeside(laneOf([answer], to).events, ms, by, LEAD_MS);
    if (mark) {
      return mark;
    }
  }
  return undefined;
}

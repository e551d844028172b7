import type { CameraEvent } from '../../../record/events/event.ts';
import type { ImportPace } from '../../../recordings/copy/copy-file.ts';
import type { BoxEvent } from '../requests/box-answers.ts';
import type { FetchRange } from './box-recordings.ts';

const EVENTS_AT_ONCE = 100;

interface FetchEventsDeps {
  /** Events of a path on the box, newest first. */
  listed(path: string, range: FetchRange, signal: AbortSignal): AsyncIterable<BoxEvent>;
  /** Unix microseconds. Older events would be deleted here at once. */
  oldestUs(path: string): number;
  isHere(event: CameraEvent): boolean;
  /** Stores an event, without notifications. */
  store(event: CameraEvent): Promise<void>;
}

/** Events of the cameras become events of the paths here. An event that is not over comes with the next fetch. */
export async function fetchEvents(
  items: readonly { readonly group: string; readonly path: string }[],
  range: FetchRange,
  pace: ImportPace,
  deps: FetchEventsDeps,
): Promise<void> {
  let count = 0;
  for (const { group, path } of items) {
    const oldestUs = Math.max(deps.oldestUs(path), range.sinceUs ?? 0);
    for await (const { endUs, ...event } of deps.listed(group, range, pace.signal)) {
      count += 1;
      if (count % EVENTS_AT_ONCE === 0) {
        await pace.wait();
      }
      // Events of the box itself, such as outages, belong to that box.
      const isOfCamera = event.path === group && !event.type.startsWith('perch.');
      if (isOfCamera && endUs !== undefined && endUs >= oldestUs) {
        const own = { ...event, path, endUs, source: 'camera' as const };
        if (!deps.isHere(own)) {
          await deps.store(own);
        }
      }
    }
  }
}

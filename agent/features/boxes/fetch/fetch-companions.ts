import { dirname } from 'node:path';
import { PerchError } from '../../../base/errors.ts';
import { syncFolder } from '../../../base/files/durable-file.ts';
import type { CameraEvent } from '../../../record/events/event.ts';
import { snapshotName, snapshotsOf } from '../../../record/snapshots/snapshot-files.ts';
import { writeCompanion } from '../../../recordings/copy/copy-companions.ts';
import type { ImportPace } from '../../../recordings/copy/copy-file.ts';
import type { BoxEvent } from '../requests/box-answers.ts';
import type { ProtectedTimes } from '../serving/paired-recording-routes.ts';
import type { BoxRecordings, BoxStill, FetchRange } from './box-recordings.ts';

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

interface FetchStillsDeps {
  stills(after: number, signal: AbortSignal): AsyncIterable<BoxStill>;
  /** Limits the rate. */
  take(bytes: number): Promise<void>;
}

/** Fetches the stills of a recording that are missing next to it. One that is damaged on the box stays empty here. */
export async function fetchStills(
  recording: string,
  count: number,
  pace: ImportPace,
  { stills, take }: FetchStillsDeps,
): Promise<void> {
  const here = (await snapshotsOf(recording)).length;
  let number = here;
  try {
    for await (const { timeMs, jpeg } of here < count ? stills(here, pace.signal) : []) {
      number += 1;
      await take(jpeg.length);
      await writeCompanion(snapshotName(recording, number), jpeg, timeMs);
    }
  } catch (error) {
    if (!(error instanceof PerchError && error.code === 'notFound')) {
      throw error;
    }
    // The box has deleted the recording since it was listed.
  }
  if (number > here) {
    await syncFolder(dirname(recording));
  }
}

/** Recordings of a box that are never deleted there. */
export type BoxProtection = ProtectedTimes['items'][number];

/** Ranges of the wanted recordings that are protected on their box, by path there. */
export class BoxProtections {
  readonly #of = new Map<string, readonly BoxProtection[]>();

  async read(
    groups: readonly string[],
    { sinceUs = 0, untilUs = Number.POSITIVE_INFINITY }: FetchRange,
    source: Pick<BoxRecordings, 'protectedTimes'>,
    signal: AbortSignal,
  ): Promise<void> {
    for (const group of groups) {
      const ranges: BoxProtection[] = [];
      for await (const range of source.protectedTimes(group, signal)) {
        if (range.endUs > sinceUs && range.startUs < untilUs) {
          ranges.push(range);
        }
      }
      this.#of.set(group, ranges);
    }
  }

  of(group: string): readonly BoxProtection[] {
    return this.#of.get(group) ?? [];
  }

  covers(group: string, fromUs: number, toUs: number): boolean {
    return this.of(group).some(({ startUs, endUs }) => startUs < toUs && endUs > fromUs);
  }
}

import { dirname } from 'node:path';
import { PerchError } from '../../../base/errors.ts';
import { syncFolder } from '../../../base/files/durable-file.ts';
import { snapshotName, snapshotsOf } from '../../../record/snapshots/snapshot-files.ts';
import { writeCompanion } from '../../../recordings/copy/copy-companions.ts';
import type { ImportPace } from '../../../recordings/copy/copy-file.ts';
import type { BoxStill } from './box-recordings.ts';

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

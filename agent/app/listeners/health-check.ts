import { relative } from 'node:path';
import type { Config } from '../../config/load/load.ts';
import { RecordPathPattern } from '../../record/file/record-path.ts';

/** Longest delay of the event loop: no frame has moved meanwhile. */
const STUCK_MS = 5_000;
/** Mean delay of the event loop: frames arrive late and in bursts. */
const OVERLOADED_MS = 500;
/** The mean counts only with this many samples: after the start of a loaded box, a single delay would be the mean. */
const MIN_SAMPLES = 10;

type Health = 'ok' | 'stuck' | 'not recording' | 'read-only disk';

export interface HealthFacts {
  /** Delay of the event loop over the last 10 to 20 seconds. */
  readonly loop: { readonly delay: { readonly samples: number; readonly meanMs: number; readonly maxMs: number } };
  /** `isRecordingBroken`: a recording fails. */
  readonly paths: { readonly isRecordingBroken: boolean };
  /** `isHeldUp`: a recording waits for a hanging disk. `space`: the disks of recordings. */
  readonly recordings: {
    readonly isHeldUp: boolean;
    readonly space: { list(): readonly { readonly folder: string; readonly state: string }[] };
  };
  readonly config: () => Pick<Config, 'paths'>;
  readonly dataDir: string;
}

/**
 * A status for supervisors, judged by the flow of media. A camera that is offline does not count: no restart brings it
 * back. Without names: the route needs no login.
 */
export function healthOf(facts: HealthFacts): Health {
  const { loop, paths, recordings } = facts;
  const { samples, meanMs, maxMs } = loop.delay;
  if (maxMs >= STUCK_MS || (meanMs >= OVERLOADED_MS && samples >= MIN_SAMPLES)) {
    return 'stuck';
  }
  const readOnly = recordings.space.list().filter(({ state }) => state === 'readOnly');
  if (readOnly.some(({ folder }) => isWritten(folder, facts))) {
    return 'read-only disk';
  }
  return paths.isRecordingBroken || recordings.isHeldUp ? 'not recording' : 'ok';
}

/** Whether paths record to the folder, or the data folder has it. From others recordings are only played. */
function isWritten(folder: string, { config, dataDir }: HealthFacts): boolean {
  const isRecorded = [...config().paths.values()].some(
    ({ settings: own }) =>
      own && own.record !== 'no' && new RecordPathPattern(own.recordPath, undefined).folder === folder,
  );
  return isRecorded || !/^\.\.(?:\/|$)/.test(relative(dataDir, folder));
}

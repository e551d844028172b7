import { startRecorder } from '../support/disks/recordings.ts';
import type { SceneClip } from './scene-clips.ts';

const STEP_MS = 5_000;
const CLOCK_HZ = 90_000;

/** A stretch of the past, in Unix milliseconds. */
export interface Stretch {
  readonly fromMs: number;
  readonly toMs: number;
}

/** What happened then: a key picture. */
export interface PastMoment extends Stretch {
  readonly key: Uint8Array;
}

/** Steps between two key pictures. */
const GROUP = 60;

/**
 * Writes the recordings of a camera with a still scene, in which something happens now and then: files of an hour below `folder`, a picture
 * every five seconds.
 */
export async function recordPast(
  folder: string,
  path: string,
  clip: SceneClip,
  stretches: readonly Stretch[],
  moments: readonly PastMoment[],
) {
  for (const { fromMs, toMs } of stretches) {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    await using running = startRecorder(folder, { path, zone, partDurationMs: 600_000 }, [clip.track]);
    let at = 0;
    for (let i = 0; fromMs + i * STEP_MS < toMs; i += 1) {
      const wall = fromMs + i * STEP_MS;
      const moment = moments.find((one) => wall >= one.fromMs && wall < one.toMs);
      const still = clip.units[at % GROUP];
      const pts = (1000 + i * (STEP_MS / 1000)) * CLOCK_HZ;
      if (moment) {
        running.stream.write(0, { pts, dts: pts, wall, key: true, data: moment.key });
      } else if (still) {
        running.stream.write(0, { pts, dts: pts, wall, key: still.isKey, data: still.data });
      }
      // After a moment the scene begins with a key picture again.
      at = moment ? 0 : at + 1;
    }
    running.stream.close();
    await running.recorder.stop();
  }
}

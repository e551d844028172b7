import { startRecorder } from '../support/disks/recordings.ts';
import type { SceneClip } from './scene-clips.ts';

const STEP_MS = 5_000;
const CLOCK_HZ = 90_000;

/** A stretch of the past, in Unix milliseconds. */
export interface Stretch {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * Writes the recordings of a camera with a still scene: files of an hour below `folder`, a picture every
 * five seconds.
 */
export async function recordPast(folder: string, path: string, clip: SceneClip, stretches: readonly Stretch[]) {
  for (const { fromMs, toMs } of stretches) {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    await using running = startRecorder(folder, { path, zone, partDurationMs: 600_000 }, [clip.track]);
    for (let i = 0; fromMs + i * STEP_MS < toMs; i += 1) {
      const unit = clip.units[i % clip.units.length];
      const pts = (1000 + i * (STEP_MS / 1000)) * CLOCK_HZ;
      if (unit) {
        running.stream.write(0, { pts, dts: pts, wall: fromMs + i * STEP_MS, key: unit.isKey, data: unit.data });
      }
    }
    running.stream.close();
    await running.recorder.stop();
  }
}

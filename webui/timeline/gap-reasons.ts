import type { RecordingsWords } from '../words/en/recordings.ts';
import type { GapReason } from './lane.ts';

/** The device looks every two seconds, and a camera that is back is recorded from its next key frame on. */
const SLACK_MS = 20_000;

const WORDS = new Map<string, (words: RecordingsWords) => string>([
  ['offline', ({ gapOffline }) => gapOffline],
  ['paused', ({ gapPaused }) => gapPaused],
  ['recordingOff', ({ gapRecordingOff }) => gapRecordingOff],
  ['diskFull', ({ gapDiskFull }) => gapDiskFull],
  ['diskAway', ({ gapDiskAway }) => gapDiskAway],
  ['diskFault', ({ gapDiskFault }) => gapDiskFault],
  ['boxOff', ({ gapBoxOff }) => gapBoxOff],
  ['clockSet', ({ gapClockSet }) => gapClockSet],
  ['nothingSeen', ({ gapNothingSeen }) => gapNothingSeen],
]);

/** Why most of a gap is one; undefined: the device does not know, or for less than half of it. */
export function reasonOf(reasons: readonly GapReason[], startMs: number, endMs: number): string | undefined {
  const lengths = new Map<string, number>();
  let explained = 0;
  for (const one of reasons) {
    const within = Math.min(one.endMs, endMs) - Math.max(one.startMs, startMs);
    const near = Math.min(one.endMs + SLACK_MS, endMs) - Math.max(one.startMs - SLACK_MS, startMs);
    // What is only near counts less than anything that lies within.
    const length = within > 0 ? within : near > 0 ? near / 1e6 : 0;
    explained += Math.max(0, near);
    if (length > 0) {
      lengths.set(one.reason, (lengths.get(one.reason) ?? 0) + length);
    }
  }
  const [longest] = [...lengths].sort((a, b) => b[1] - a[1]);
  return explained * 2 >= endMs - startMs ? longest?.[0] : undefined;
}

/** In words; undefined for a reason that a newer box may have. */
export const gapReasonText = (reason: string | undefined, words: RecordingsWords): string | undefined =>
  WORDS.get(reason ?? '')?.(words);

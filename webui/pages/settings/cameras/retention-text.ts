import { camerasWords } from '../../../words/cameras.ts';
import { daysOf, FOR_EVER } from './camera-settings.ts';
import { formatDuration } from './span-words.ts';

/** How long the recordings of a camera stay that is removed. */
export interface KeptWords {
  readonly choice: string;
  readonly told: (camera: string) => string;
}

/** @param deleteAfter as the camera's settings have it: its recordings go by that after it, too; undefined: not known */
export function keptWords(deleteAfter: string | undefined): KeptWords {
  const say = camerasWords.value;
  if (deleteAfter === undefined) {
    return { choice: say.removeKeep, told: say.removed };
  }
  const days = daysOf(deleteAfter);
  if (days === FOR_EVER) {
    return { choice: say.removeKeepAll, told: say.removedKept };
  }
  const time = formatDuration(days);
  return { choice: say.removeKeepDays(time), told: (camera) => say.removedDays(camera, time) };
}

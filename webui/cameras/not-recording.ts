import type { CinemaWords } from '../words/en/cinema.ts';

/** Why a camera is not recorded. @param word the box's own; what it does not say, Storage does */
export function notRecordingWords(word: string | null, say: CinemaWords): string {
  const reasons = new Map([
    ['diskFull', say.diskIsFull],
    ['diskFailing', say.diskHasFaults],
    ['diskReadOnly', say.diskTakesNothing],
    ['noRights', say.diskHasNoRights],
    ['nothingToRecord', say.nothingToRecord],
    ['fault', say.recorderFailed],
  ]);
  return say.notRecordingText(reasons.get(word ?? '') ?? say.seeStorage);
}

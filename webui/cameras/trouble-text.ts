import type { CameraViewWords } from '../words/en/camera-view.ts';
import type { OfflineReason } from './offline-reason.ts';

/** What goes on and what to do, by why there is no picture. */
export const offlineReasonText = (absence: OfflineReason, t: CameraViewWords): string =>
  ({
    password: t.offlinePassword,
    forbidden: t.offlineForbidden,
    noStream: t.offlineNoStream,
    noRoom: t.offlineNoRoom,
    noNetwork: t.offlineNoNetwork,
    refuses: t.offlineRefuses,
    silent: t.offlineSilent,
    unknown: t.offlineText,
  })[absence];

/** Why a camera is not recorded. @param word the device's own; what it does not say, Storage does */
export function notRecordingMessage(word: string | null, t: CameraViewWords): string {
  const reasons = new Map([
    ['diskFull', t.diskIsFull],
    ['diskFailing', t.diskHasFaults],
    ['diskReadOnly', t.diskTakesNothing],
    ['noRights', t.diskHasNoRights],
    ['nothingToRecord', t.nothingToRecord],
    ['fault', t.recorderFailed],
  ]);
  return t.notRecordingText(reasons.get(word ?? '') ?? t.seeStorage);
}

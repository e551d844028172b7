import type { CameraViewWords } from '../words/en/camera-view.ts';
import type { OfflineReason } from './offline-reason.ts';

/** By the reason of the outage. */
export const offlineReasonText = (absence: OfflineReason, t: CameraViewWords): string =>
  ({
    password: t.offlinePassword,
    forbidden: t.offlineForbidden,
    noStream: t.offlineNoStream,
    noRoom: t.offlineNoRoom,
    noNetwork: t.offlineNoNetwork,
    refuses: t.offlineRefuses,
    closed: t.offlineClosed,
    silent: t.offlineSilent,
    boxAway: t.offlineBoxAway,
    notShared: t.offlineNotShared,
    unknown: t.offlineText,
  })[absence];

/** Why a camera is not recorded. @param word reason code; unknown ones refer to Storage */
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

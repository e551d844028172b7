import type { UpdatesWords } from './words/en.ts';

/** The box's reason codes. */
const REASONS: Readonly<Record<string, (t: UpdatesWords) => string>> = {
  noUpdate: (t) => t.updateNone,
  damaged: (t) => t.updateDamaged,
  notSigned: (t) => t.updateNotSigned,
  laterFormat: (t) => t.updateLater,
  older: (t) => t.updateOlder,
  same: (t) => t.updateSame,
  noService: (t) => t.updateByHand,
  noKey: (t) => t.updateNoKey,
  noAddress: (t) => t.updateNoAddress,
  notFetched: (t) => t.updateNotFetched,
  notWritten: (t) => t.updateNotWritten,
  taking: (t) => t.updateTaking,
  noAnswer: (t) => t.updateNoAnswer,
  room: (t) => t.updateRoom,
  unknownVersion: (t) => t.updateNoPackage,
  noExec: (t) => t.updateNoExec,
  noSecondSystem: (t) => t.updateNoSecondSystem,
  onTrial: (t) => t.updateOnTrial,
  busy: (t) => t.updateBusy,
  failed: (t) => t.updateFailed,
  notInstalled: (t) => t.updateNotInstalled,
  notStarted: (t) => t.updateNotStarted,
  unhealthy: (t) => t.updateUnhealthy,
  notRecording: (t) => t.updateNotRecording,
  powerCut: (t) => t.updatePowerCut,
  restarted: (t) => t.updateRestarted,
  notPutBack: (t) => t.updateNotPutBack,
};

export const updateReason = (why: string | null | undefined, t: UpdatesWords): string | undefined =>
  REASONS[why ?? '']?.(t);

/** These reasons are shown with the box's own text, such as an error of dpkg. */
const WITH_BOX_TEXT: readonly unknown[] = ['failed', 'notInstalled', 'notPutBack'];
export const needsBoxText = (why: string | null): boolean => WITH_BOX_TEXT.includes(why);

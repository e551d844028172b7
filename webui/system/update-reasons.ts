import type { SystemWords } from '../words/en/system.ts';

/** What the box calls a reason, and what it is here. */
const REASONS: Readonly<Record<string, (say: SystemWords) => string>> = {
  noUpdate: (say) => say.updateNone,
  damaged: (say) => say.updateDamaged,
  notSigned: (say) => say.updateNotSigned,
  laterFormat: (say) => say.updateLater,
  older: (say) => say.updateOlder,
  same: (say) => say.updateSame,
  noService: (say) => say.updateByHand,
  noKey: (say) => say.updateNoKey,
  noAddress: (say) => say.updateNoAddress,
  notFetched: (say) => say.updateNotFetched,
  notWritten: (say) => say.updateNotWritten,
  taking: (say) => say.updateTaking,
  noAnswer: (say) => say.updateNoAnswer,
  room: (say) => say.updateRoom,
  unknownVersion: (say) => say.updateNoPackage,
  noExec: (say) => say.updateNoExec,
  busy: (say) => say.updateBusy,
  failed: (say) => say.updateFailed,
  notInstalled: (say) => say.updateNotInstalled,
  notStarted: (say) => say.updateNotStarted,
  unhealthy: (say) => say.updateUnhealthy,
  notRecording: (say) => say.updateNotRecording,
  powerCut: (say) => say.updatePowerCut,
  restarted: (say) => say.updateRestarted,
  notPutBack: (say) => say.updateNotPutBack,
};

export const updateReason = (why: string | null | undefined, say: SystemWords): string | undefined =>
  REASONS[why ?? '']?.(say);

/** What happened then is told by the box's own text alone: what dpkg said, or what nobody foresaw. */
const SAYS_MORE: readonly unknown[] = ['failed', 'notInstalled', 'notPutBack'];
export const saysMore = (why: string | null): boolean => SAYS_MORE.includes(why);

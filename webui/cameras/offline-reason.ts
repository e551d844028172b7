/**
 * `refuses`: the camera answers without video. `closed`: its port is closed. `silent`: no answer at its address. `boxAway`: no
 * answer of the box whose camera it is.
 */
export type OfflineReason =
  | 'password'
  | 'forbidden'
  | 'noStream'
  | 'noRoom'
  | 'refuses'
  | 'closed'
  | 'silent'
  | 'noNetwork'
  | 'boxAway'
  | 'unknown';

const BY_WORD: Readonly<Record<string, OfflineReason>> = {
  password: 'password',
  forbidden: 'forbidden',
  noStream: 'noStream',
  noRoom: 'noRoom',
  refuses: 'refuses',
  closed: 'closed',
  silent: 'silent',
  unknownName: 'silent',
  noNetwork: 'noNetwork',
  boxAway: 'boxAway',
};

/** From `lastErrorWhy`. */
export const offlineReasonOf = (word: string | null | undefined): OfflineReason => BY_WORD[word ?? ''] ?? 'unknown';

/** `refuses`: the camera answers without video. `closed`: its port is closed. `silent`: no answer at its address. */
export type OfflineReason =
  | 'password'
  | 'forbidden'
  | 'noStream'
  | 'noRoom'
  | 'refuses'
  | 'closed'
  | 'silent'
  | 'noNetwork'
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
};

/** From `lastErrorWhy`. */
export const offlineReasonOf = (word: string | null | undefined): OfflineReason => BY_WORD[word ?? ''] ?? 'unknown';

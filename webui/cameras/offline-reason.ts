/** `refuses`: the camera answers without video. `silent`: no answer at its address. */
export type OfflineReason =
  | 'password'
  | 'forbidden'
  | 'noStream'
  | 'noRoom'
  | 'refuses'
  | 'silent'
  | 'noNetwork'
  | 'unknown';

const BY_WORD: Readonly<Record<string, OfflineReason>> = {
  password: 'password',
  forbidden: 'forbidden',
  noStream: 'noStream',
  noRoom: 'noRoom',
  refuses: 'refuses',
  closed: 'refuses',
  silent: 'silent',
  unknownName: 'silent',
  noNetwork: 'noNetwork',
};

/** From `lastErrorWhy`. */
export const offlineReasonOf = (word: string | null | undefined): OfflineReason => BY_WORD[word ?? ''] ?? 'unknown';

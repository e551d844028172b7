/** `refuses`: the camera answers. `silent`: nothing answers at its address. */
export type Absence = 'password' | 'forbidden' | 'noStream' | 'noRoom' | 'refuses' | 'silent' | 'noNetwork' | 'unknown';

const BY_WORD: Readonly<Record<string, Absence>> = {
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

/** Why a camera gives no picture, from the box's word for it (`lastErrorWhy`). */
export const absenceOf = (word: string | null | undefined): Absence => BY_WORD[word ?? ''] ?? 'unknown';

/** Settings, System: the key of signed recordings. */
export const en = {
  signingKey: 'Key of signed recordings',
  signingKeyHint: 'Write it down where the box cannot change it.',
};
export type SigningWords = typeof en;

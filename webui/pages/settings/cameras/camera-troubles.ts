import type { Absence } from '../../../cameras/offline-reason.ts';

export type Trouble = 'password' | 'onvifUser' | 'locked' | 'clock' | Exclude<Absence, 'password'>;

const BY_WORD: Readonly<Record<string, Trouble>> = {
  wrongPassword: 'password',
  noRights: 'password',
  clearPassword: 'password',
  onvifUser: 'onvifUser',
  lockedOut: 'locked',
  clock: 'clock',
  unreachable: 'silent',
  timeout: 'silent',
  onvifOff: 'refuses',
  notOnvif: 'refuses',
  notSupported: 'refuses',
  badReply: 'refuses',
};

/**
 * What stands in the way of a camera that gives no picture.
 *
 * @param word the box's own, for programs
 * @param absence what its sentence says
 */
export const troubleOf = (word: string | null | undefined, absence: Absence): Trouble =>
  // A camera that refuses a connection is there all the same.
  (word === 'unreachable' && absence === 'refuses' ? absence : BY_WORD[word ?? '']) ?? absence;

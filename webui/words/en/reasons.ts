/** Changes that are not in the file; why a request failed, by its error code or HTTP status; edits of others. */
export const reasons = {
  savedUntilRestart: 'In effect until the next restart, but not saved.',
  savedLater: 'Saved as soon as the box answers.',
  unknownOutcome: 'No answer. Check whether it was done before you try again.',
  paused: 'The camera is paused.',
  busy: 'Already in progress.',
  taken: 'This name is taken.',
  limit: 'The maximum number is reached.',
  byVariable: 'An environment variable sets this.',
  notWritten: 'The box cannot write its settings.',
  brokenFile: 'There is a mistake in the configuration file. Correct it first.',
  openFile: 'Open the file',
  forOwner: 'Only the owner can do this.',
  gone: 'It no longer exists.',
  tooSlow: 'No answer in time.',
  itsFault: 'Something went wrong. See the log.',

  changedMeanwhile: 'Someone else has changed this.',
  changedBy: (name: string, when: string, what: string) => `${name} changed this${when && ` ${when}`}: ${what}`,
  changedByMe: (when: string, what: string) => `You changed this in another window ${when}: ${what}`,
  justNow: 'just now',
  someoneElse: 'Someone else',
  takeTheirs: 'Take theirs',
  keepMine: 'Keep mine',
};

export type ReasonsWords = typeof reasons;

/** Why the box has not done something: by the word that it gives for it, or by the status of its answer. */
export const reasons = {
  unknownOutcome: 'The box did not answer. Look whether it was done before you try again.',
  paused: 'The camera is paused.',
  busy: 'It is doing that already.',
  taken: 'This name is taken.',
  limit: 'There are as many of these as there can be.',
  byVariable: 'Whoever set up the box has fixed this.',
  notWritten: 'The box cannot write its settings.',
  brokenFile: 'There is a mistake in the configuration file: it has to be mended first.',
  openFile: 'Open the file',
  forOwner: 'Only the owner may do that.',
  gone: 'It is not there any more.',
  tooSlow: 'There was no answer in time.',
  itsFault: 'The box failed at it. Its log says how.',
};

export type ReasonsWords = typeof reasons;

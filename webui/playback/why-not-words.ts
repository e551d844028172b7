import { recordingsWords } from '../words/recordings.ts';
import type { WhyNot } from './next-try.ts';

/** Why there is no picture of the moment, in a sentence. */
export function whyNotWords(why: WhyNot): string {
  const { recordingGone, recordingAway, recordingUnplayable } = recordingsWords.value;
  return { gone: recordingGone, away: recordingAway, unplayable: recordingUnplayable }[why];
}

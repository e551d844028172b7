import { recordingsWords } from '../words/recordings.ts';
import { liveWords } from '../words/words.ts';
import type { WhyNot } from './load-retry.ts';

/** Why there is no picture of the moment, in a sentence. */
export function whyNotWords(why: WhyNot): string {
  const { recordingGone, recordingAway } = recordingsWords.value;
  return { gone: recordingGone, away: recordingAway, unplayable: liveWords.value.notPlayable }[why];
}

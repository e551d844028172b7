import { startRecorder } from '../../peers/cameras/recorder.ts';
import type { Figure } from '../measure/figure.ts';

const RUNS = 3;
const ANSWER_SECONDS = 1;

/** Two answers, the first channel's and then all others' together, and 1.5 s for the rest. */
export const recorder16: Figure = {
  name: 'recorder-16',
  unit: 'ms',
  goal: 2_000 * ANSWER_SECONDS + 1_500,
  isAbsolute: false,
  about: `time until the last of a recorder's 16 channels is ready, with a new user; each login is answered after ${ANSWER_SECONDS} s`,
  measure: async (note) => {
    const values: number[] = [];
    for (let i = 0; i < RUNS; i += 1) {
      const { lastMs, complaints } = await startRecorder({
        channels: 16,
        answerSeconds: ANSWER_SECONDS,
        isOnDemand: false,
      });
      if (complaints.length > 0) {
        throw new Error(complaints.join('\n'));
      }
      note(`${lastMs} ms`);
      values.push(lastMs);
    }
    return values;
  },
};

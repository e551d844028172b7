import { words } from '../words/words.ts';
import { BoxError } from './request.ts';

/** Why something was not done: the box did not answer, or said no for a reason. */
export function failureWords(error: unknown): string {
  const { noAnswer, notSaved } = words.value;
  return error instanceof BoxError && error.status !== 0 ? notSaved(error.message) : noAnswer;
}

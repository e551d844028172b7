import { expect, test } from 'vitest';
import { failureWords } from './failure-words.ts';
import { BoxError } from './request.ts';

test.for([
  [403, 'this is for the owner', 'Not saved. this is for the owner'],
  [409, 'the camera is paused', 'Not saved. the camera is paused'],
  [500, 'internal error', 'Not saved. internal error'],
  [0, 'the box does not answer', 'The box does not answer. Nothing was changed. Try again.'],
] as const)('an answer %d is told with its reason, and only no answer as none', ([status, reason, said]) => {
  expect(failureWords(new BoxError(status, reason))).toBe(said);
});

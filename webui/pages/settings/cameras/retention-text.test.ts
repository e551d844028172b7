import { expect, test } from 'vitest';
import { keptWords } from './retention-text.ts';

test.for([
  [
    '30d',
    'Keep them: they go when they are 30 days old',
    'Garden removed. Its recordings stay until they are 30 days old.',
  ],
  [
    '6h0m0s',
    'Keep them: they go when they are 6 hours old',
    'Garden removed. Its recordings stay until they are 6 hours old.',
  ],
  ['0s', 'Keep until their room is needed', 'Garden removed. Its recordings stay until their room is needed.'],
  [undefined, 'Keep them', 'Garden removed. Its recordings stay.'],
] as const)('the recordings of a removed camera with %s stay as long as is said', ([deleteAfter, choice, told]) => {
  const words = keptWords(deleteAfter);
  expect([words.choice, words.told('Garden')]).toEqual([choice, told]);
});

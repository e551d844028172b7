import { expect, test } from 'vitest';
import { claimBox } from './claim.ts';

/** A program that reads the password, says this, and ends with this code. */
const saying = (words: string, code: number): readonly string[] => [
  'sh',
  '-c',
  `read -r password; [ "$password" = 'some other words' ] || exit 99; echo "${words}" >&2; exit ${code}`,
];

test.for([
  ['the password that was taken', '', 0, 'owner-password: set; log in with it', true],
  [
    'one that Perch refuses, with its reason',
    'Perch: choose another',
    1,
    'owner-password: not set: choose another',
    true,
  ],
  [
    'a Perch that cannot save it now',
    'Perch: no room',
    75,
    'owner-password: not set yet; set at the next start',
    false,
  ],
] as const)('%s', async ([, words, code, report, isOver]) => {
  expect(await claimBox(saying(words, code), 'some other words')).toEqual({ report, isOver });
});

test('a program that ends without reading is not an internal error', async () => {
  const report = 'owner-password: not set: it has an owner';
  expect(await claimBox(['sh', '-c', 'echo it has an owner >&2; exit 1'], 'x'.repeat(1 << 20))).toEqual({
    report,
    isOver: true,
  });
});

test('if the program is missing, the next start tries again', async () => {
  expect((await claimBox(['/nowhere/perch'], 'some other words')).isOver).toBe(false);
});

import { expect, test } from 'vitest';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { PerchError } from '../../base/errors.ts';
import { parsePermissionClaim } from './tokens.ts';

const LIST = [{ action: 'read', path: '~^cam' }, { action: 'api' }];
const RULES = [
  { action: 'read', path: '~^cam' },
  { action: 'api', path: '' },
];

test.for([
  ['a list', LIST],
  ['a text of JSON', JSON.stringify(LIST)],
] as const)('permissions in the claim: %s', ([, claim]) => {
  expect(parsePermissionClaim(claim, 'p')).toEqual(RULES);
});

test.for([
  [undefined, 'the token has no claim p'],
  [null, "the token's claim p is not a list"],
  [{ action: 'read' }, "the token's claim p is not a list"],
  ['[', "the token's claim p is not JSON"],
  ['7', "the token's claim p is not a list"],
  [[7], "the token's claim p[0] is not an object"],
  [[{ action: 'admin' }], "the token's claim p[0] has an unknown action"],
  [[{ action: 'read' }, { path: 'x' }], "the token's claim p[1] has an unknown action"],
  [[{ action: 'read', path: 7 }], "the path of the token's claim p[0] is not a text"],
  [[{ action: 'read', path: 'x'.repeat(1_001) }], "the path of the token's claim p[0] is not a text"],
  [Array(1_001).fill({ action: 'read' }), "the token's claim p has 1001 items, the limit is 1000"],
] as const)('%j is rejected: %s', ([claim, message]) => {
  expect(() => parsePermissionClaim(claim, 'p')).toThrow(message);
});

test('any claim is a list of known actions or a PerchError', () => {
  const next = random(11);
  const text = Buffer.from(JSON.stringify(LIST));
  for (let i = 0; i < 20_000; i += 1) {
    try {
      const rules = parsePermissionClaim(Buffer.from(mutate(text, next)).toString('utf8'), 'p');
      expect(rules.every(({ path }) => typeof path === 'string')).toBe(true);
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
});

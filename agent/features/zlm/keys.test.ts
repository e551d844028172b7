import { expect, test } from 'vitest';
import { KEYS } from '../../../test/support/harness/loaded-config.ts';

test('only the owner sets the secret, the addresses and the ten web hooks: a hook can open what the permissions close', () => {
  const names = [...KEYS.global.rights].filter((name) => name.startsWith('zlm'));
  expect(names.filter((name) => name.startsWith('zlmOn'))).toHaveLength(10);
  expect(names).toEqual(expect.arrayContaining(['zlmSecret', 'zlmAllowIPs']));
});

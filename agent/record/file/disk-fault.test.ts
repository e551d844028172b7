import { expect, test } from 'vitest';
import { troubleOfDisk } from './disk-fault.ts';

test.for([
  ['ENOSPC', 'diskFull'],
  ['EDQUOT', 'diskFull'],
  ['EROFS', 'diskReadOnly'],
  ['EACCES', 'noRights'],
  ['EIO', 'diskFailing'],
  ['ENOTCONN', 'diskFailing'],
  ['EMFILE', 'disk'],
] as const)('a write rejected by %s is reported as %s', ([code, word]) => {
  expect(troubleOfDisk(code)).toBe(word);
});

import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { ownCommand } from './own-command.ts';

const SCRIPT = ['/opt/node', '/opt/my perch/main.ts', 'my.yml'];

test.for([
  ['a clone', { PERCH_COMMAND: 'npm run perch --' }, 'perch-data', 'npm run perch -- claim', 'npm run perch -- claim'],
  [
    'a clone with another folder',
    { PERCH_COMMAND: 'npm run perch --' },
    '/srv/my data',
    "npm run perch -- claim --data '/srv/my data'",
    'npm run perch -- claim --data DIR',
  ],
  ['the packages', { PERCH_COMMAND: 'sudo perch' }, '/var/lib/perch', 'sudo perch claim', 'sudo perch claim'],
  [
    'the script alone',
    {},
    'data',
    `/opt/node '/opt/my perch/main.ts' claim --data ${resolve('data')}`,
    'perch claim --data DIR',
  ],
] as const)('the command of %s', ([, env, dataDir, command, shown]) => {
  const own = ownCommand(env, dataDir, SCRIPT);
  expect(own.of('claim')).toBe(command);
  expect(own.shown('claim')).toBe(shown);
});

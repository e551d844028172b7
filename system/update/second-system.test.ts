import { expect, test } from 'vitest';
import { runningSystem } from './second-system.ts';

test.for([
  ['console=tty1 ro quiet perch.system=b', 'b'],
  ['perch.system=a ro', 'a'],
  ['root=PARTUUID=0badcafe-02 ro quiet', undefined],
  ['xperch.system=b perch.system=c', undefined],
] as const)('the command line %j names the system %s', ([line, system]) => {
  expect(runningSystem(line)).toBe(system);
});

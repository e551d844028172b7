// @also without-ffi in long

import { expect, test } from 'vitest';
import { measureProfiles } from './profile-order.ts';

test('both profiles are measured on this machine, and both stay on offer', async () => {
  let turns = 0;
  let isMeasuring = true;
  const measured = measureProfiles().finally(() => {
    isMeasuring = false;
  });
  const count = (): void => {
    turns += 1;
    if (isMeasuring) {
      setImmediate(count);
    }
  };
  count();
  expect([...(await measured)].sort()).toEqual([1, 7]);
  // Other work had its turn in between.
  expect(turns).toBeGreaterThan(5);
});

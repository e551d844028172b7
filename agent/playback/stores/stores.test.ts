import { expect, test } from 'vitest';
import { Stores } from './stores.ts';

test('a camera of another box is turned and switched there alone, also if it is recorded and played here', () => {
  const deps = { isRecorded: (path: string) => path !== 'watched', isServer: () => false };
  const stores = new Stores({ ...deps, playback: {}, clock: {}, titleOf: () => undefined } as never);
  stores.add({ has: (path: string) => path !== 'own' } as never);
  const elsewhere = (path: string) =>
    ['read', 'playback', 'turn', 'switch'].filter((action) => stores.isElsewhere(path, action));
  expect(elsewhere('own')).toEqual([]);
  expect(elsewhere('recorded')).toEqual(['turn', 'switch']);
  expect(elsewhere('watched')).toEqual(['read', 'playback', 'turn', 'switch']);
});

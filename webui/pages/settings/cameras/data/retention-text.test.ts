import { expect, test } from 'vitest';
import { FOR_EVER } from '../../../../forms/days.ts';
import type { PathUse } from './camera-settings.ts';
import { removalTexts, shortestRetention } from './retention-text.ts';

test.for([
  ['30d', 'Keep (deleted after 30 days)', 'Garden removed. Its recordings are deleted after 30 days.'],
  ['6h0m0s', 'Keep (deleted after 6 hours)', 'Garden removed. Its recordings are deleted after 6 hours.'],
  ['0s', 'Keep until the space is needed', 'Garden removed. Its recordings are kept until the space is needed.'],
  [undefined, 'Keep', 'Garden removed. Its recordings are kept.'],
] as const)('recordings of a removed camera with %s are kept as announced', ([deleteAfter, choice, done]) => {
  const words = removalTexts(deleteAfter);
  expect([words.choice, words.done('Garden')]).toEqual([choice, done]);
});

const use = (path: string, fitsDays: number | null): PathUse => ({
  ...{
    path,
    title: null,
    configured: true,
    files: 1,
    bytes: 0,
    bytesPerDay: 1,
    reachesBackDays: null,
    wantedDays: null,
    fitsDays,
  },
});

test('the shortest retention is shown, and what fits if known', () => {
  const door = { name: 'door', record: true, recordDeleteAfter: '14d' } as const;
  const barn = { name: 'barn', record: 'motion', recordDeleteAfter: '7d' } as const;
  const hall = { name: 'hall', record: false, recordDeleteAfter: '1d' } as const;
  expect(shortestRetention([door, barn, hall], [])).toEqual({ days: 7, fits: undefined });
  expect(shortestRetention([door, barn], [use('door', 5.5), use('barn', 30)])).toEqual({ days: 14, fits: 5.5 });
  expect(shortestRetention([{ ...door, recordDeleteAfter: '0s' }], [])).toEqual({ days: FOR_EVER, fits: undefined });
  expect([shortestRetention([hall], []), shortestRetention([], [])]).toEqual([undefined, undefined]);
});

import { expect, test } from 'vitest';
import { FOR_EVER, type PathUse } from './camera-settings.ts';
import { keptOf } from './kept-days.ts';

const use = (path: string, fitsDays: number | null): PathUse => ({
  ...{
    path,
    title: null,
    configured: true,
    bytes: 0,
    bytesPerDay: 1,
    reachesBackDays: null,
    wantedDays: null,
    fitsDays,
  },
});

test('what is kept is said of the camera whose recordings go first, and by the room that there is where it is known', () => {
  const door = { name: 'door', record: true, recordDeleteAfter: '14d' } as const;
  const barn = { name: 'barn', record: 'motion', recordDeleteAfter: '7d' } as const;
  const hall = { name: 'hall', record: false, recordDeleteAfter: '1d' } as const;
  expect(keptOf([door, barn, hall], [])).toEqual({ days: 7, fits: undefined });
  expect(keptOf([door, barn], [use('door', 5.5), use('barn', 30)])).toEqual({ days: 14, fits: 5.5 });
  expect(keptOf([{ ...door, recordDeleteAfter: '0s' }], [])).toEqual({ days: FOR_EVER, fits: undefined });
  expect([keptOf([hall], []), keptOf([], [])]).toEqual([undefined, undefined]);
});

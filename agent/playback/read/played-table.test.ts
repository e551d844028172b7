import { expect, test } from 'vitest';
import type { SampleTable } from '../../media/mp4/table/sample-table.ts';
import { playedTable } from './played-table.ts';
import type { Tabled } from './table-cache.ts';

test('what plays of a recording with lost parts is cut once, not for each request', () => {
  const head = { init: { tracks: [] } } as unknown as Tabled['head'];
  const table = { tracks: [], fragmentCount: 0 } as unknown as SampleTable;
  const lost = [{ from: 1, to: 2 }];
  const played = playedTable({ table, lost, head });
  expect(playedTable({ table, lost, head })).toBe(played);
  expect(playedTable({ table, lost: [...lost], head })).not.toBe(played);
});

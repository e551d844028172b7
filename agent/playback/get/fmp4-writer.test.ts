import { expect, test } from 'vitest';
import { record, temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { cutFile } from '../read/cut.ts';
import { TableCache } from '../read/table-cache.ts';
import { Fmp4Writer } from './fmp4-writer.ts';

test('a download is full when its fragment offsets reach the memory limit', async () => {
  using folder = temporaryFolder();
  const [file = ''] = await record(folder.path, 4);
  const tabled = await new TableCache().of({ file });
  const [small, large] = [new Fmp4Writer(tabled.head.init, 40), new Fmp4Writer(tabled.head.init)];
  expect([small.isFull, large.isFull]).toEqual([false, false]);
  for (const answer of [small, large]) {
    answer.add(cutFile(tabled, 0, 60));
  }
  expect([small.isFull, large.isFull]).toEqual([true, false]);
});

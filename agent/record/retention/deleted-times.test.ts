import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { silentLogger } from '../../base/log.ts';
import { DeletedTimes } from './deleted-times.ts';

const range = (startUs: number, endUs: number) => ({ startUs, endUs });

test('what was deleted is known after a restart, until that is undone', async () => {
  using folder = temporaryFolder();
  const open = () => new DeletedTimes(join(folder.path, 'deleted-times.json'), silentLogger);
  const times = open();
  await times.add('yard', range(20, 30));
  await times.add('yard', range(10, 25));
  await times.add('gate', range(1, 2));
  expect(await open().of('yard', 0)).toEqual([range(10, 25), range(20, 30)]);
  await times.remove('yard', range(20, 30));
  expect(await open().of('yard', 0)).toEqual([range(10, 25)]);
  expect(await open().of('gate', 0)).toEqual([range(1, 2)]);
});

test('a path that was deleted as a whole is out for the imports that ran then, its deleted parts for all', async () => {
  using folder = temporaryFolder();
  const times = new DeletedTimes(join(folder.path, 'deleted-times.json'), silentLogger);
  await times.add('yard', range(10, 25));
  await times.add('yard', range(0, 5_000_000));
  await times.add('yard', range(0, 9_000_000));
  expect(await times.of('yard', 8_000)).toEqual([range(0, 9_000_000), range(10, 25)]);
  expect(await times.of('yard', 9_000)).toEqual([range(10, 25)]);
});

test('of very many deletions the oldest are one', async () => {
  using folder = temporaryFolder();
  const times = new DeletedTimes(join(folder.path, 'deleted-times.json'), silentLogger);
  const all = Array.from({ length: 503 }, (_, i) => range(10 + 10 * i, 15 + 10 * i));
  await Promise.all(all.map((one) => times.add('yard', one)));
  const known = await times.of('yard', 0);
  expect(known).toHaveLength(500);
  expect(known.slice(0, 2)).toEqual([range(10, 45), range(50, 55)]);
  expect(known.at(-1)).toEqual(all.at(-1));
});

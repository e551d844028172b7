import { expect, test } from 'vitest';
import { temporaryFolder } from '../../../../test/support/disks/recordings.ts';
import { ArchiveState } from './archive-state.ts';

test('of changes at the same time the file has all', async () => {
  using folder = temporaryFolder();
  const state = await ArchiveState.open(folder.path);
  const names = Array.from({ length: 20 }, (_, i) => `key ${i}`);
  await Promise.all([
    ...names.map((key) => state.change({ unwanted: [...(state.now.unwanted ?? []), key] })),
    state.change({ isMarked: true }),
  ]);
  expect((await ArchiveState.open(folder.path)).now).toEqual({ ...state.now, isMarked: true, unwanted: names });
});

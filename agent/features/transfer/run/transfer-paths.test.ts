import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { fileOf } from '../../../../test/support/harness/edited-config.ts';
import { AddedCameras, withPaths } from './transfer-paths.ts';

async function open() {
  const folder = mkdtempSync(join(tmpdir(), 'perch-added-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const { edits, store } = await fileOf('paths: {}\n');
  const file = join(folder, 'transfer-cameras.json');
  const config = () => store.current;
  return {
    file,
    edits,
    names: () => [...store.current.paths.keys()],
    take: (source: string, ...items: { readonly group: string; readonly name?: string; readonly path?: string }[]) => {
      const added = new AddedCameras(file, config);
      return withPaths(items, { config, edits, recordings: { settled: async () => {} }, added, source });
    },
  };
}

test('a transfer that is repeated takes the camera that the first one has added', async () => {
  const { take, names } = await open();
  const first = await take('box a', { group: 'cam', name: 'Attic' }, { group: 'cam2', name: 'Attic' });
  expect(first).toEqual([
    { group: 'cam', path: 'attic' },
    { group: 'cam2', path: 'attic_2' },
  ]);
  expect(await take('box a', { group: 'cam2', name: 'Attic' }, { group: 'cam', name: 'Attic' })).toEqual(
    first.toReversed(),
  );
  expect(names()).toEqual(['attic', 'attic_2']);
});

test('cameras of the same name of two boxes, and of another name, stay apart', async () => {
  const { take } = await open();
  await take('box a', { group: 'cam', name: 'Attic' });
  expect(await take('box b', { group: 'cam', name: 'Attic' })).toEqual([{ group: 'cam', path: 'attic_2' }]);
  expect(await take('box a', { group: 'cam', name: 'Loft' })).toEqual([{ group: 'cam', path: 'loft' }]);
});

test('a camera that was deleted meanwhile is added again', async () => {
  const { take, edits, names } = await open();
  await take('box a', { group: 'cam', name: 'Attic' });
  await edits.deletePath('attic', { hasAllRights: true });
  await take('box a', { group: 'cam', name: 'Attic' });
  expect(names()).toEqual(['attic']);
});

test('a damaged list of added cameras is begun anew', async () => {
  const { take, file, names } = await open();
  for (const text of ['{', '[]', '{"version":1,"cameras":[{"path":1}]}']) {
    writeFileSync(file, text);
    await take('box a', { group: 'cam', name: 'Attic' });
  }
  await take('box a', { group: 'cam', name: 'Attic' });
  expect(names()).toEqual(['attic', 'attic_2', 'attic_3']);
});

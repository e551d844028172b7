import { unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Place, place } from '../../../test/support/harness/config-place.ts';

/** The warnings of a start. @param file of the command line */
async function warnings({ open, logged }: Place, file?: string): Promise<readonly object[]> {
  logged.length = 0;
  await open(file);
  return logged.filter(({ msg }) => msg.includes('MediaMTX'));
}

test('a mediamtx.yml that is not used is named, with what to do', async () => {
  const at = place();
  expect(await warnings(at)).toEqual([]);
  const file = at.write('mediamtx.yml', 'paths: {}\n');
  const unused = {
    msg: 'the configuration of MediaMTX in this folder is not used',
    file,
    todo: 'start Perch with mediamtx.yml as argument, or rename it to perch.yml',
  };
  expect(await warnings(at)).toMatchObject([unused]);
  at.write('data/perch.yml', 'perch: own\n');
  expect(await warnings(at)).toMatchObject([unused]);
  expect(await warnings(at, 'mediamtx.yml')).toEqual([]);
  at.write('perch.yml', 'perch: own\n');
  expect(await warnings(at)).toEqual([]);
});

test('after the configuration file was deleted its last good version is named', async () => {
  const at = place();
  at.write('data/perch.yml', 'perch: own\n');
  await at.open();
  unlinkSync(join(at.cwd, 'data/perch.yml'));
  at.logged.length = 0;
  await at.open();
  expect(at.logged).toMatchObject([
    {
      msg: 'there is no configuration file, and its last good version is not used',
      file: join(at.cwd, 'data/perch.yml.last-good'),
      todo: `to go on with it, copy it to ${join(at.cwd, 'data/perch.yml')}, and restart`,
    },
  ]);
});

test('recordings of MediaMTX that are not used are named, with the recordPath to set', async () => {
  const at = place();
  at.write('mediamtx.yml', 'paths: {cam: }\n');
  at.write('recordings/yard/notes.txt', '');
  expect(await warnings(at, 'mediamtx.yml')).toEqual([]);
  at.write('recordings/yard/door/2026-01-31_18-00-00-000000.mp4', '');
  expect(await warnings(at, 'mediamtx.yml')).toMatchObject([
    {
      msg: 'the recordings of MediaMTX in this folder are not used',
      folder: join(at.cwd, 'recordings'),
      todo: `set pathDefaults.recordPath to ${join(at.cwd, 'recordings/%path/%Y-%m-%d_%H-%M-%S-%f')}`,
    },
  ]);
});

test.for([
  ['pathDefaults', "pathDefaults: {recordPath: './recordings/%path/%Y-%m-%d_%H-%M-%S-%f'}\n"],
  ['a path', "paths: {cam: {recordPath: '/mnt/%path/%Y-%m-%d_%H-%M-%S-%f'}}\n"],
  ["Perch's own file", 'perch: own\n'],
] as const)('a recordPath of %s is the choice of the owner', async ([, text]) => {
  const at = place();
  at.write('mediamtx.yml', text);
  at.write('recordings/cam/2026-01-31_18-00-00-000000.mp4', '');
  expect(await warnings(at, 'mediamtx.yml')).toEqual([]);
});

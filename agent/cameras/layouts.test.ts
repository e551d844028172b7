import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../../test/support/disks/recordings.ts';
import { good } from '../../test/support/harness/loaded-config.ts';
import { silentLogger } from '../base/log.ts';
import { Layouts } from './layouts.ts';

/** Active paths, in addition to the configured ones. */
const PATHS = ['door', 'yard'];

function open() {
  const folder = temporaryFolder();
  onTestFinished(() => folder[Symbol.dispose]());
  const file = join(folder.path, 'layouts.json');
  const config = good('paths: { hall: { source: rtsp://a/1 }, hall_sub: { source: rtsp://a/2 }, "~^cam": {} }');
  const paths = { find: (name: string) => PATHS.find((one) => one === name) };
  const again = () => new Layouts({ dataDir: folder.path, paths, config: () => config, log: silentLogger });
  return { file, again, layouts: again() };
}

const group = (...paths: string[]) => ({ kind: 'group' as const, cameras: paths.map((path) => ({ path })) });
const wall = (...paths: string[]) => ({ ...group(...paths), kind: 'wall' as const });
const namesOf = async (layouts: Layouts) => (await layouts.list()).map(({ name }) => name);

test('groups and walls survive a restart in their order', async () => {
  const { layouts, again } = open();
  await layouts.replace('Ground floor', group('door', 'hall'));
  await layouts.replace('Hall screen', {
    kind: 'wall',
    cameras: [{ path: 'yard', size: 'large' }, { path: 'door' }],
  });
  expect(await again().list()).toEqual([
    {
      ...{ name: 'Ground floor', kind: 'group', formerNames: [] },
      cameras: [
        { path: 'door', size: 'small' },
        { path: 'hall', size: 'small' },
      ],
    },
    {
      ...{ name: 'Hall screen', kind: 'wall', formerNames: [] },
      cameras: [
        { path: 'yard', size: 'large' },
        { path: 'door', size: 'small' },
      ],
    },
  ]);
  await layouts.order(['Hall screen']);
  expect(await namesOf(again())).toEqual(['Hall screen', 'Ground floor']);
});

test('configured and active paths are known, patterns are not', async () => {
  const { layouts } = open();
  expect(['hall', 'door', 'cellar', '~^cam', 'cam1'].map((path) => layouts.isKnown(path))).toEqual([
    ...[true, true, false, false, false],
  ]);
});

test('a replaced layout keeps its place', async () => {
  const { layouts } = open();
  await layouts.replace('a', group('door'));
  await layouts.replace('b', group('door'));
  await layouts.replace('a', wall('yard'));
  expect((await layouts.list()).map(({ name, kind, cameras }) => [name, kind, cameras[0]?.path])).toEqual([
    ['a', 'wall', 'yard'],
    ['b', 'group', 'door'],
  ]);
});

test('a former name leads to the layout until another one takes it', async () => {
  const { layouts } = open();
  await layouts.replace('Hall', wall('door'));
  expect(await layouts.patch('Hall', { name: 'Kitchen' })).toMatchObject({ name: 'Kitchen', formerNames: ['Hall'] });
  // The answer was lost and the client asks again.
  expect(await layouts.patch('Hall', { name: 'Kitchen' })).toMatchObject({ name: 'Kitchen', formerNames: ['Hall'] });
  expect(await layouts.patch('Hall', { cameras: [{ path: 'yard', size: 'large' }] })).toMatchObject({
    ...{ name: 'Kitchen', cameras: [{ path: 'yard', size: 'large' }] },
  });
  await layouts.replace('Hall', wall('hall'));
  expect((await layouts.list()).map(({ name, formerNames }) => [name, formerNames])).toEqual([
    ['Kitchen', []],
    ['Hall', []],
  ]);
  // Back to its first name.
  await layouts.delete('Hall');
  await layouts.patch('Kitchen', { name: 'Hall' });
  expect(await layouts.patch('Hall', { name: 'Kitchen' })).toMatchObject({ formerNames: ['Hall'] });
});

test('a layout remembers its last eight names', async () => {
  const { layouts } = open();
  await layouts.replace('n0', wall('door'));
  for (let i = 1; i <= 10; i += 1) {
    await layouts.patch(`n${i - 1}`, { name: `n${i}` });
  }
  const [{ formerNames } = { formerNames: [] }] = await layouts.list();
  expect(formerNames).toEqual(['n2', 'n3', 'n4', 'n5', 'n6', 'n7', 'n8', 'n9']);
});

test.for([
  ['an unknown path', 'Hall', group('door', 'cellar'), "there is no path 'cellar'"],
  ['a sub stream', 'Hall', group('hall_sub'), "path 'hall_sub' is a sub stream: name its camera"],
  ['a path that is listed twice', 'Hall', wall('door', 'door'), "path 'door' is listed twice"],
  ['an empty name', '  ', wall('door'), 'a layout needs a name of 1 to 64 printable characters'],
  ['a long name', 'n'.repeat(65), wall('door'), 'a layout needs a name of 1 to 64 printable characters'],
  ['a name with a line break', 'a\nb', wall('door'), 'a layout needs a name of 1 to 64 printable characters'],
] as const)('%s is rejected', async ([, name, body, message]) => {
  const { layouts, file } = open();
  await expect(layouts.replace(name, body)).rejects.toMatchObject({ code: 'badInput', message });
  expect(existsSync(file)).toBe(false);
});

test('names that are taken or unknown are rejected', async () => {
  const { layouts } = open();
  await layouts.replace('a', group('door'));
  await layouts.replace('b', group('door'));
  await expect(layouts.patch('a', { name: 'b' })).rejects.toMatchObject({
    ...{ code: 'badInput', message: "another layout is named 'b'", context: { isTaken: true } },
  });
  const unknown = { code: 'notFound', message: 'no layout has this name' };
  await expect(layouts.patch('c', { name: 'd' })).rejects.toMatchObject(unknown);
  await expect(layouts.delete('c')).rejects.toMatchObject(unknown);
  await expect(layouts.order(['b', 'c'])).rejects.toMatchObject(unknown);
  expect(await namesOf(layouts)).toEqual(['a', 'b']);
});

test('50 layouts are kept', async () => {
  const { layouts } = open();
  await Promise.all(Array.from({ length: 50 }, (_, i) => layouts.replace(`n${i}`, group('door'))));
  await expect(layouts.replace('more', group('door'))).rejects.toMatchObject({
    ...{ code: 'exhausted', message: 'there are 50 layouts, the limit is 50: delete one' },
  });
  await layouts.replace('n0', group('yard'));
  expect((await layouts.list()).length).toBe(50);
});

test.for(['not JSON', '{"layouts":[{"name":""}]}'])('a damaged file is put aside: %s', async (text) => {
  const { layouts, file, again } = open();
  writeFileSync(file, text);
  expect(await layouts.list()).toEqual([]);
  await layouts.replace('Hall', group('door'));
  expect(readFileSync(`${file}.damaged`, 'utf8')).toBe(text);
  expect(await namesOf(again())).toEqual(['Hall']);
});

test('an unreadable file stays, and is read again for the next request', async () => {
  const { layouts, file, again } = open();
  // A folder of that name: reading fails with EISDIR.
  mkdirSync(file);
  await expect(layouts.replace('Hall', group('door'))).rejects.toMatchObject({ code: 'unavailable' });
  expect(existsSync(`${file}.damaged`)).toBe(false);
  rmdirSync(file);
  await again().replace('Yard', group('yard'));
  expect(await namesOf(layouts)).toEqual(['Yard']);
});

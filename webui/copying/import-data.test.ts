import { expect, test } from 'vitest';
import { firstTarget, type Group, itemsOf, type Target } from './import-data.ts';

const CAMERAS = [
  { name: 'front_door', title: 'Front door' },
  { name: 'yard', title: 'Garden' },
];

test.for([
  ['front-door', '/mnt/usb', { to: 'camera', path: 'front_door' }],
  ['recordings/Garden', '/mnt/usb', { to: 'camera', path: 'yard' }],
  ['', '/mnt/usb/yard', { to: 'camera', path: 'yard' }],
  ['old/side-gate', '/mnt/usb', { to: 'new', name: 'Side gate' }],
  ['', '/mnt/usb', { to: 'new', name: 'Usb' }],
  ['', '/', { to: 'new', name: '' }],
] as const)('files of %o in %s go to %o first', ([name, folder, target]) => {
  expect(firstTarget({ name }, folder, CAMERAS)).toEqual(target);
});

const groupOf = (group: string): Group => ({
  ...{ group, name: group, program: 'mp4', files: 1, bytes: 1, first: null, last: null },
});

test('what is asked for has a camera or a name for each group that is taken', () => {
  const groups = ['a', 'b', 'c'].map(groupOf);
  const targets = (b: Target) =>
    new Map<string, Target>([
      ['a', { to: 'camera', path: 'yard' }],
      ['b', b],
      ['c', { to: 'nowhere' }],
    ]);
  expect(itemsOf(groups, targets({ to: 'new', name: ' Gate ' }))).toEqual([
    { group: 'a', path: 'yard' },
    { group: 'b', name: 'Gate' },
  ]);
  expect(itemsOf(groups, targets({ to: 'new', name: ' ' }))).toBeUndefined();
  expect(itemsOf(groups, new Map([['a', { to: 'nowhere' }]]))).toBeUndefined();
});

import { expect, test } from 'vitest';
import { groupsWith, parseGroups, sectionsOf, withBoxes } from './sections.ts';

const CAMERAS = ['door', 'hall', 'yard', 'gate'].map((name) => ({ name }));
const shown = (groups: Parameters<typeof sectionsOf>[1], chosen = '') =>
  sectionsOf(CAMERAS, groups, chosen).map(({ name, cameras }) => [name, cameras.map((camera) => camera.name).join()]);

test('without groups all cameras are shown without a heading', () => {
  expect(shown([])).toEqual([[undefined, 'door,hall,yard,gate']]);
});

test('cameras stand in the order of their groups, the rest below', () => {
  expect(
    shown([
      ['Outside', ['yard', 'door']],
      ['Inside', ['hall']],
    ]),
  ).toEqual([
    ['Outside', 'yard,door'],
    ['Inside', 'hall'],
    ['', 'gate'],
  ]);
});

test('a camera of two groups is shown in the first, and in each of them alone', () => {
  const groups = [
    ['Outside', ['yard', 'door']],
    ['Doors', ['door', 'gate']],
    ['Entrance', ['door']],
  ] as const;
  expect(shown(groups)).toEqual([
    ['Outside', 'yard,door'],
    ['Doors', 'gate'],
    ['', 'hall'],
  ]);
  expect(shown(groups, 'Doors')).toEqual([[undefined, 'door,gate']]);
});

const at = (name: string, box?: string) => ({
  name,
  main: { box: box ? { id: box, name: box, awaySince: null, turn: false, switch: false, settings: false } : null },
});

test('cameras of boxes stand below the names of their boxes, unless a group has them', () => {
  const cameras = [at('door'), at('hall', 'House'), at('yard', 'Barn'), at('gate', 'House')];
  const groups = withBoxes([['Gates', ['gate']]], cameras);
  expect(
    sectionsOf(cameras, groups, '').map(({ name, cameras: shown }) => [name, shown.map((one) => one.name)]),
  ).toEqual([
    ['Gates', ['gate']],
    ['House', ['hall']],
    ['Barn', ['yard']],
    ['', ['door']],
  ]);
  expect(withBoxes([['Barn', ['door']]], cameras)).toContainEqual(['Barn', ['door', 'yard']]);
  expect(withBoxes([], [at('door'), at('hall')])).toEqual([]);
  expect(withBoxes([], [at('door', 'House')])).toEqual([]);
});

test('a group whose cameras are gone is not shown', () => {
  const groups = [
    ['Attic', ['attic']],
    ['Doors', ['attic', 'door']],
  ] as const;
  expect(groupsWith(CAMERAS, groups)).toEqual([groups[1]]);
  expect(shown(groups, 'Attic')).toEqual([
    ['Doors', 'door'],
    ['', 'hall,yard,gate'],
  ]);
});

test('without a rest there is no heading for it', () => {
  expect(shown([['All', ['gate', 'yard', 'hall', 'door']]])).toEqual([['All', 'gate,yard,hall,door']]);
});

test.for([
  [null, []],
  ['[["Doors",["door"]]]', [['Doors', ['door']]]],
  ['[["Doors"],[1,[]],3,null]', []],
  ['{}', []],
  ['[', []],
] as const)('stored groups %s are read as %s', ([text, expected]) => {
  expect(parseGroups(text)).toEqual(expected);
});

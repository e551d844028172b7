import { expect, test } from 'vitest';
import { bodyOf, linkFor, oneRight, rightsOf } from './server-data.ts';

test.for([
  ['server.example', 'https://server.example/#/settings/cameras/boxes?at=a'],
  [' http://192.168.1.9:8080/cameras/#/live', 'http://192.168.1.9:8080/cameras/#/settings/cameras/boxes?at=a'],
  ['javascript:alert(1)', undefined],
  ['', undefined],
] as const)('the page %s is linked to as %s', ([page, link]) => {
  expect(linkFor(page, 'perch://invitation?at=a')).toBe(link);
});

test('a server needs live or recordings', () => {
  expect(oneRight([])).toBeDefined();
  expect(oneRight(['talk', 'turn', 'switch'])).toBeDefined();
  expect(oneRight(['talk', 'live'])).toBeUndefined();
  expect(oneRight(['recordings'])).toBeUndefined();
});

test('a request has what was changed, and all rights by name', () => {
  expect(bodyOf({ rights: ['live'] })).toEqual({
    live: true,
    recordings: false,
    talk: false,
    turn: false,
    switch: false,
    settings: false,
    fleet: false,
  });
  expect(bodyOf({ cameras: ['door'] })).toEqual({ cameras: ['door'] });
  const server = {
    id: 'a',
    name: 'Office',
    cameras: 'all',
    live: false,
    recordings: true,
    talk: false,
    turn: true,
    switch: false,
    settings: false,
    fleet: false,
    created: '',
    seen: null,
  } as const;
  expect(rightsOf(server)).toEqual(['recordings', 'turn']);
});

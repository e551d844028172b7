import { expect, test } from 'vitest';
import { limitedPerson, ownerPerson, type Rights } from './person.ts';

const ACTIONS = ['read', 'publish', 'playback', 'api', 'metrics', 'pprof', 'admin', 'talk', 'turn', 'switch'] as const;
const everything: Rights = { cameras: 'all', live: true, recordings: true };
const mayDo = (rights: Rights, path: string) =>
  ACTIONS.filter((action) => limitedPerson('eve', 'viewer', rights).may(action, path)).join(' ');

test('the owner may do everything', () => {
  expect(ACTIONS.every((action) => ownerPerson('owner').may(action, ''))).toBe(true);
});

test.for<[string, Rights, string, string]>([
  ['all cameras', everything, 'door', 'read playback'],
  ['all cameras, asked about none', everything, '', ''],
  ['live only', { ...everything, recordings: false }, 'door', 'read'],
  ['recordings only', { ...everything, live: false }, 'door', 'playback'],
  ['neither', { ...everything, live: false, recordings: false }, 'door', ''],
  ['this camera', { ...everything, cameras: ['door'] }, 'door', 'read playback'],
  ["this camera's second stream", { ...everything, cameras: ['door'] }, 'door_sub', 'read playback'],
  ['another camera', { ...everything, cameras: ['door'] }, 'yard', ''],
  ['a camera whose name begins like it', { ...everything, cameras: ['door'] }, 'doorbell', ''],
  ['a second stream alone', { ...everything, cameras: ['door_sub'] }, 'door', ''],
  ['talking', { ...everything, talk: true }, 'door', 'read playback talk'],
  ['the right to turn one camera', { ...everything, cameras: ['door'], turn: true }, 'door_sub', 'read playback turn'],
  ['the right to switch its outputs', { ...everything, switch: true }, 'door', 'read playback switch'],
  ['that, asked about another', { ...everything, cameras: ['door'], turn: true, talk: true }, 'yard', ''],
  [
    'all of them, but not live',
    { ...everything, live: false, turn: true, talk: true, switch: true },
    'door',
    'playback',
  ],
  ['no camera', { ...everything, cameras: [] }, 'door', ''],
])('a viewer with %s', ([, rights, path, expected]) => {
  expect(mayDo(rights, path)).toBe(expected);
});

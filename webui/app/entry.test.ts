import { expect, test } from 'vitest';
import type { SessionAnswer } from '../api-client/api-types.ts';
import { entryState } from './entry.ts';

const session: SessionAnswer = {
  claimed: true,
  loggedIn: true,
  user: 'owner',
  role: 'owner',
  mayLook: true,
  clip: false,
  mayClaim: false,
  openAccess: false,
  server: false,
  https: null,
  secondFactor: false,
  commands: { claim: 'perch claim', resetPassword: 'perch reset-password' },
  warnings: [],
};
const unclaimed: SessionAnswer = {
  ...session,
  claimed: false,
  loggedIn: false,
  user: null,
  role: null,
  mayClaim: true,
};
const loggedOut: SessionAnswer = { ...session, loggedIn: false, user: null, role: null };

test('the login covers the page when a session ends', () => {
  expect(entryState(loggedOut, 'refused', 'settings', true)).toBe('again');
  expect(entryState(session, 'granted', 'settings', true)).toBe('open');
});

test.for([
  ['not yet known', undefined, 'unknown', 'live', 'waiting'],
  ['the cameras were not asked for yet', session, 'unknown', 'live', 'waiting'],
  ['the owner is logged in', session, 'granted', 'live', 'open'],
  ['the owner is logged in and opens an old link to log in', session, 'granted', 'login', 'open'],
  ['the session is over', loggedOut, 'refused', 'recordings', 'login'],
  ['access is open and a person wants to log in', loggedOut, 'granted', 'login', 'login'],
  ['everybody may look', loggedOut, 'granted', 'live', 'open'],
  ['a new box is opened', unclaimed, 'refused', 'live', 'start'],
  [
    'the box has no owner, and it cannot be claimed here',
    { ...unclaimed, mayClaim: false },
    'refused',
    'live',
    'start',
  ],
  [
    'the box has no owner, and its file shows the cameras',
    { ...unclaimed, mayClaim: false },
    'granted',
    'live',
    'open',
  ],
  ['a person wants to own such a box', { ...unclaimed, mayClaim: false }, 'granted', 'start', 'start'],
  ['the box is claimed and the link to claim it is opened', session, 'granted', 'start', 'open'],
] as const)('when %s', ([, known, access, page, door]) => {
  expect(entryState(known, access, page)).toBe(door);
});

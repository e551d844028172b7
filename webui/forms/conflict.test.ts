import { expect, test } from 'vitest';
import { conflictText } from './conflict.tsx';

const NOW_MS = Date.UTC(2026, 10, 20, 18);
const said = (user: string, agoMs: number) =>
  conflictText({ user, atMs: NOW_MS - agoMs }, 'owner', NOW_MS, 'en', '1 day → 2 days');

test('who has changed the same meanwhile is said with the time that the box tells', () => {
  expect(said('Ann', 125_000)).toBe('Ann changed this 2 minutes ago: 1 day → 2 days');
  expect(said('Ann', 2_000)).toBe('Ann changed this just now: 1 day → 2 days');
});

test('what the same person has changed in another window is not said to be of somebody else', () => {
  expect(said('owner', 2_000)).toBe('You changed this in another window just now: 1 day → 2 days');
});

test('where the box does not know who it was, neither name nor time is invented', () => {
  expect(conflictText(undefined, 'owner', NOW_MS, 'en', 'a → b')).toBe('Someone else changed this: a → b');
});

import { expect, test } from 'vitest';
import { conflictText } from './conflict.tsx';

const NOW_MS = Date.UTC(2026, 10, 20, 18);
const said = (user: string, agoMs: number) =>
  conflictText({ user, atMs: NOW_MS - agoMs }, 'owner', NOW_MS, 'en', '1 day → 2 days');

test("a conflicting change is shown with its person and the box's time", () => {
  expect(said('Ann', 125_000)).toBe('Ann changed this 2 minutes ago: 1 day → 2 days');
  expect(said('Ann', 2_000)).toBe('Ann changed this just now: 1 day → 2 days');
});

test('a change of the same person in another window is not attributed to another person', () => {
  expect(said('owner', 2_000)).toBe('You changed this in another window just now: 1 day → 2 days');
});

test('if the box does not know the person, no name or time is shown', () => {
  expect(conflictText(undefined, 'owner', NOW_MS, 'en', 'a → b')).toBe('Someone else changed this: a → b');
});

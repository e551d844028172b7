import { beforeEach, expect, test } from 'vitest';
import type { SessionAnswer } from '../api-types.ts';
import { type PathItem, paths } from '../paths.ts';
import { session } from '../session.ts';
import { canListRecordings, playableNames } from './recordings.ts';

const path = (name: string, mayPlayback: boolean) => ({ name, mayPlayback }) as PathItem;
const of = (role: SessionAnswer['role']) => ({ role, claimed: true }) as SessionAnswer;

beforeEach(() => {
  paths.value = undefined;
});

test('the paths that a viewer may play are unknown before the first response, and follow it', () => {
  session.value = of('viewer');
  expect([canListRecordings.value, playableNames.value]).toEqual([false, undefined]);
  paths.value = [path('garden', true), path('hall', false)];
  expect(playableNames.value).toEqual(['garden']);
  paths.value = [];
  expect(playableNames.value).toEqual([]);
});

test.for(['owner', null] as const)('the list of recordings is requested by %s', (role) => {
  session.value = of(role);
  expect(canListRecordings.value).toBe(true);
});

test('the list of recordings is not requested by a guest', () => {
  session.value = of('guest');
  expect(canListRecordings.value).toBe(false);
});

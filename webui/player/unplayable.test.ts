import { expect, test } from 'vitest';
import { isUnplayable, rememberUnplayable } from './unplayable.ts';

test('what the browser cannot decode is asked for again only when the camera has other tracks', () => {
  expect(isUnplayable('barn', ['H265'])).toBe(false);
  rememberUnplayable('barn', ['H265']);
  expect(isUnplayable('barn', ['H265'])).toBe(true);
  expect(isUnplayable('barn', [])).toBe(true);
  expect(isUnplayable('garden', ['H265'])).toBe(false);
  expect(isUnplayable('barn', ['H264'])).toBe(false);
});

test('a camera that told its tracks only after the failure is asked once more', () => {
  rememberUnplayable('gate', []);
  expect(isUnplayable('gate', ['H265'])).toBe(false);
});

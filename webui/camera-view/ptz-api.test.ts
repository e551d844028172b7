import { expect, test } from 'vitest';
import { stateOf } from './ptz-api.ts';

const says = (isOn: boolean | null) => [{ id: 'relay-1', isOn }];

test('an output of which the camera says nothing is as the page has switched it', () => {
  const reported = new Set<string>();
  expect(stateOf({ id: 'relay-1', isOn: true }, undefined, reported)).toBe(true);
  expect(stateOf({ id: 'relay-1', isOn: true }, says(null), reported)).toBe(true);
  expect(stateOf({ id: 'relay-1', isOn: null }, says(null), reported)).toBeNull();
});

test('an output is as the camera says, and unknown once the camera no longer says it', () => {
  const reported = new Set<string>();
  expect(stateOf({ id: 'relay-1', isOn: true }, says(false), reported)).toBe(false);
  expect(stateOf({ id: 'relay-1', isOn: true }, says(null), reported)).toBeNull();
  expect(stateOf({ id: 'relay-2', isOn: true }, says(null), reported)).toBe(true);
});

import { expect, test } from 'vitest';
import { rightsFor } from './people.ts';

test('who no longer chooses all cameras does not grant the events of all, unless that is chosen again', () => {
  expect(rightsFor(['live', 'fleet'], 'all', ['door'])).toEqual(['live']);
  expect(rightsFor(['live', 'fleet'], ['door'], ['door', 'gate'])).toEqual(['live', 'fleet']);
  expect(rightsFor(['live', 'fleet'], ['door'], 'all')).toEqual(['live', 'fleet']);
});

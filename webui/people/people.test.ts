import { expect, test } from 'vitest';
import { rightsFor, timeLeft } from './people.ts';

test('who no longer chooses all cameras does not grant the events of all, unless that is chosen again', () => {
  expect(rightsFor(['live', 'fleet'], 'all', ['door'])).toEqual(['live']);
  expect(rightsFor(['live', 'fleet'], ['door'], ['door', 'gate'])).toEqual(['live', 'fleet']);
  expect(rightsFor(['live', 'fleet'], ['door'], 'all')).toEqual(['live', 'fleet']);
});

test.for([
  [600_000, '10:00'],
  [599_001, '10:00'],
  [65_000, '1:05'],
  [900, '0:01'],
] as const)('%d ms are left as %s', ([ms, text]) => {
  expect(timeLeft(ms)).toBe(text);
});

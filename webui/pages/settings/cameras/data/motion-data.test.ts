import { expect, test } from 'vitest';
import { motionOf, scoreWith } from './motion-data.ts';

test('without keys motion comes from the camera', () => {
  expect(motionOf({ name: 'yard' })).toEqual({ source: 'camera', sensitivity: 50 });
  expect(motionOf({ name: 'yard', motionSource: 'both', motionSensitivity: 0 })).toEqual({
    source: 'both',
    sensitivity: 0,
  });
});

test('the score is shown for the sensitivity that is chosen, before it is saved', () => {
  expect(scoreWith(0.5, 50, 50)).toBe(0.5);
  expect(scoreWith(0.5, 50, 90)).toBe(1);
  expect(scoreWith(1, 90, 50)).toBe(0.5);
});

import { expect, test } from 'vitest';
import { shownOf } from './choice.tsx';

test('a choice shows its option, and its label while none is chosen', () => {
  const options = [{ value: 'a', text: 'Garden' }];
  expect(shownOf({ label: 'Camera', value: 'a', options })).toBe('Garden');
  expect(shownOf({ label: 'Camera', value: 'gone', options })).toBe('Camera');
});

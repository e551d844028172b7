import { expect, test } from 'vitest';
import { nextText } from './next-text.ts';

const NOW_MS = Date.parse('2026-11-24T08:30:00Z');

test.for([
  ['2026-11-24T22:30:00Z', 'UTC', 'Away from 22:30'],
  ['2026-11-25T08:00:00Z', 'UTC', 'Away from Wednesday 08:00'],
  ['2026-11-28T08:00:00Z', 'UTC', 'Away from Saturday 08:00'],
  // There it is Wednesday already.
  ['2026-11-24T22:30:00Z', 'Asia/Tokyo', 'Away from Wednesday 07:30'],
] as const)('the mode that begins at %s in %s: %s', ([time, timeZone, text]) => {
  expect(nextText({ mode: 'away', time }, timeZone, NOW_MS, 'en-GB')).toBe(text);
});

test('the clock is that of the locale', () => {
  const next = { mode: 'away', time: '2026-11-24T22:30:00Z' } as const;
  expect(nextText(next, 'UTC', NOW_MS, 'en-US')).toBe('Away from 10:30 PM');
});

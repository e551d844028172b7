import { expect, test } from 'vitest';
import { checkLinkRate, linkRate } from './link-rate.ts';

test.for([
  ['auto', 'auto', undefined],
  [' Auto ', 'auto', undefined],
  ['3MB', '3M', 3 << 20],
  ['512K', '512K', 512 << 10],
  ['0', '0B', Number.POSITIVE_INFINITY],
] as const)('%s is a speed', ([text, shown, rate]) => {
  expect(checkLinkRate(text)).toBe(shown);
  expect(linkRate(shown)).toBe(rate);
});

test.for(['', 'fast', '3', '-1M', '10%'])('%j is none, and the reason names what to write', (text) => {
  expect(() => checkLinkRate(text)).toThrow(/write (auto, or )?for example/);
});

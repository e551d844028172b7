import { expect, test } from 'vitest';
import { suggest } from './suggestions.ts';

const YEAR_MS = 31_557_600_000;

test("a clock's offset is shown in the unit people use, and not below a minute", () => {
  const words = (skewMs: number) => suggest([], { skewMs, isTrusted: undefined }).map((one) => one.words);
  expect(words(60_000)).toEqual([]);
  expect(words(-90_000)).toEqual(["the camera's clock is 2 minutes slow: set it, or let it ask a time server"]);
  expect(words(3 * 3_600_000)).toEqual(["the camera's clock is 3 hours fast: set it, or let it ask a time server"]);
  expect(words(-56 * YEAR_MS)).toEqual(["the camera's clock is 56 years slow: set it, or let it ask a time server"]);
});

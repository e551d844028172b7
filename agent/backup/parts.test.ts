import { expect, test } from 'vitest';
import { PerchError } from '../base/errors.ts';
import { checkParts } from './parts.ts';

test.for([
  ['{"a":1,"b":[2,3]}', 4],
  ['{"a,b":"{[,"}', 1],
  [String.raw`{"\",{[\\":1,"b":2}`, 2],
  ['"a text alone, with commas"', 0],
] as const)('%s has %d parts', ([json, parts]) => {
  expect(() => JSON.parse(json)).not.toThrow();
  expect(() => checkParts(json, parts)).not.toThrow();
  if (parts > 0) {
    expect(() => checkParts(json, parts - 1)).toThrow(PerchError);
  }
});

test('invalid JSON is scanned to its end', () => {
  expect(() => checkParts('"a string without end, \\', 0)).not.toThrow();
  expect(() => checkParts(`${'}'.repeat(9)},,`, 1)).toThrow('more than 1 parts');
});

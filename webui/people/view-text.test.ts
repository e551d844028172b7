import { expect, test } from 'vitest';
import { common } from '../words/en/common.ts';
import { people } from '../words/en/settings/people.ts';
import { spanText } from './view-text.ts';

const at = (day: number, hour: number, minute: number) => new Date(2026, 10, day, hour, minute).toISOString();
const NOW_MS = new Date(2026, 10, 23, 18, 0).getTime();

test.for([
  ['ends on the same day', at(23, 14, 2), at(23, 14, 10), false, '14:02 – 14:10'],
  ['lasts less than a minute', at(23, 14, 2), at(23, 14, 2), false, '14:02'],
  ['ends on the next day', at(22, 23, 50), at(23, 0, 10), false, 'yesterday 23:50 – 00:10'],
  ['lasts', at(23, 14, 2), null, true, 'watching since 14:02'],
  ['was cut off', at(22, 14, 2), null, false, 'from yesterday 14:02, end unknown'],
] as const)('a view that %s', ([, from, to, running, text]) => {
  expect(spanText({ from, to, running }, NOW_MS, { language: 'en-GB', words: common }, people)).toBe(text);
});

import { expect, test } from 'vitest';
import { mergedItems } from './merged-items.ts';

/** `a1 b2`: items a and b with the values 1 and 2. */
const items = (text: string) =>
  text.split(' ').flatMap((one) => (one === '' ? [] : [{ id: one[0] ?? '', value: Number(one.slice(1)) }]));

test.for([
  ['a1', 'a1 b1', 'a1 c1', 'a1 c1 b1', 'both add'],
  ['a1 b1', 'b1', 'a1 b1 c1', 'b1 c1', 'here one is removed'],
  ['a1 b1', 'a1 b1', 'b1', 'b1', 'there one is removed'],
  ['a1 b1', 'a2 b1', 'a1 b2', 'a2 b2', 'each changes another one'],
  ['a1', 'a2', '', '', 'changed here, removed there'],
  ['a1', '', 'a2', '', 'removed here, changed there'],
  ['a1', 'a2', 'a3', 'a5', 'both change the same one'],
  ['', 'a2', 'a3', 'a5', 'both add the same one'],
  ['a1', 'a1', 'a1', 'a1', 'nothing changes'],
] as const)('%s, here %s, there %s: %s (%s)', ([former, mine, theirs, expected]) => {
  const merged = mergedItems({
    former: items(former),
    mine: items(mine),
    theirs: items(theirs),
    keyOf: ({ id }) => id,
    both: (one, other) => ({ ...one, value: one.value + other.value }),
  });
  expect(merged).toEqual(items(expected));
});

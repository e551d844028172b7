import { isDeepStrictEqual } from 'node:util';

interface Sides<Item> {
  /** As both sides knew them last. */
  readonly former: readonly Item[];
  readonly mine: readonly Item[];
  readonly theirs: readonly Item[];
  readonly keyOf: (item: Item) => string;
  /** What becomes of an item that both sides have changed or added. */
  readonly both: (mine: Item, theirs: Item) => Item;
}

/** The items after the changes of two sides. An item that one side has removed stays removed, whatever the other one has changed of it. */
export function mergedItems<Item>({ former, mine, theirs, keyOf, both }: Sides<Item>): readonly Item[] {
  const known = new Map(former.map((item) => [keyOf(item), item]));
  const own = new Map(mine.map((item) => [keyOf(item), item]));
  const keys = new Set(theirs.map(keyOf));
  const kept = theirs.flatMap((item) => {
    const key = keyOf(item);
    const [before, here] = [known.get(key), own.get(key)];
    if (here === undefined) {
      return before === undefined ? [item] : [];
    }
    const isChangedHere = before === undefined || !isDeepStrictEqual(before, here);
    const isChangedThere = before === undefined || !isDeepStrictEqual(before, item);
    return isChangedHere ? [isChangedThere ? both(here, item) : here] : [item];
  });
  return [...kept, ...mine.filter((item) => !keys.has(keyOf(item)) && !known.has(keyOf(item)))];
}

/** @returns the changed count. An entry whose count becomes 0 is removed. */
export function addCount<Key>(counts: Map<Key, number>, key: Key, change: number): number {
  const count = (counts.get(key) ?? 0) + change;
  if (count === 0) {
    counts.delete(key);
  } else {
    counts.set(key, count);
  }
  return count;
}

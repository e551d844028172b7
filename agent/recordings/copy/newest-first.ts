/** Joins lists that are sorted by start, newest first. */
export async function* newestFirst<T extends { readonly startUs: number }>(
  lists: readonly AsyncIterator<T, undefined>[],
): AsyncGenerator<T, undefined> {
  const heads: (T | undefined)[] = [];
  for (const result of await Promise.all(lists.map((list) => list.next()))) {
    heads.push(result.value);
  }
  for (;;) {
    let newest = -1;
    for (const [i, head] of heads.entries()) {
      if (head && (newest < 0 || head.startUs > (heads[newest]?.startUs ?? 0))) {
        newest = i;
      }
    }
    const head = heads[newest];
    if (!head) {
      return;
    }
    yield head;
    heads[newest] = (await lists[newest]?.next())?.value;
  }
}

const MAX_ENTRIES = 1_024;

/** Sets an entry; above the bound the oldest that is not needed is dropped. */
export function putBounded<T>(
  map: Map<string, T>,
  name: string,
  value: T,
  isNeeded: (value: T) => boolean = () => false,
): void {
  map.delete(name);
  map.set(name, value);
  for (const [oldest, other] of map) {
    if (map.size <= MAX_ENTRIES) {
      return;
    }
    if (!isNeeded(other)) {
      map.delete(oldest);
    }
  }
}

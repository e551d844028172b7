const MAX_ENTRIES = 1_024;

/** The oldest goes when there are too many, unless it is needed. */
export function put<T>(
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

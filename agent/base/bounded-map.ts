/** Sets an entry as the newest; above `max` entries drops the oldest that are not needed. */
export function putBounded<K, V>(
  map: Map<K, V>,
  key: K,
  value: V,
  max: number,
  isNeeded: (value: V) => boolean = () => false,
): void {
  map.delete(key);
  map.set(key, value);
  for (const [oldest, other] of map) {
    if (map.size <= max) {
      return;
    }
    if (!isNeeded(other)) {
      map.delete(oldest);
    }
  }
}

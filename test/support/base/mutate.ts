/** A damaged copy: a few bytes changed, and often truncated, partly doubled or with a large number in place of a small one. */
export function mutate(bytes: Uint8Array, next: () => number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const at = (length: number): number => Math.floor(next() * length);
  for (let changes = 1 + at(4); changes > 0; changes -= 1) {
    const place = at(copy.length);
    const kind = at(4);
    if (kind === 0) {
      copy[place] = at(256);
    } else if (kind === 1) {
      copy[place] = (copy[place] ?? 0) ^ (1 << at(8));
    } else if (kind === 2) {
      copy.fill(0xff, place, place + 4);
    } else {
      copy.copyWithin(place, at(copy.length), at(copy.length));
    }
  }
  return at(4) === 0 ? copy.subarray(0, at(copy.length)) : copy;
}

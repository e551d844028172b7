/** What this browser could not decode: for each path the tracks that it had. Trying again would end the same way. */
const known = new Map<string, string>();

const keyOf = (tracks: readonly string[]): string => tracks.join();

export function rememberUnplayable(name: string, tracks: readonly string[]): void {
  known.set(name, keyOf(tracks));
}

/** As long as no other tracks are known; a camera that is away has none. */
export function isUnplayable(name: string, tracks: readonly string[]): boolean {
  return known.has(name) && (tracks.length === 0 || known.get(name) === keyOf(tracks));
}

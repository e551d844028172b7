/** An address of an RTSP server on this machine, with a path as its name can be. A user before it does not matter. */
const ADDRESS = /\brtsp:\/\/(?:[^\s/@'"]*@)?(?:localhost|127\.0\.0\.1|\[::1\]):(\d{1,5})\/([\w\-/.]+)/gi;

/**
 * The paths of this server whose addresses stand in a command: who wrote it there means the command to read them or to publish to
 * them. Nothing else does: a tunnel that a command opens would let in whoever comes through it.
 * @param words with their variables replaced, @param port of the RTSP server
 */
export function pathsNamedIn(words: readonly string[], port: string): ReadonlySet<string> {
  const named = words.flatMap((word) => [...word.matchAll(ADDRESS)]);
  return new Set(named.flatMap(([, at, path = '']) => (at === port ? [path.replace(/\/+$/, '')] : [])));
}

/** The URL of a local RTSP server with a path; userinfo is ignored. */
const ADDRESS = /\brtsp:\/\/(?:[^\s/@'"]*@)?(?:localhost|127\.0\.0\.1|\[::1\]):(\d{1,5})\/([\w\-/.]+)/gi;

/**
 * Paths whose URLs are in a command: its author intends the command to read or publish them. No other path counts: a
 * tunnel opened by a command would admit all its users. @param words after expansion of variables @param port of the
 * RTSP server
 */
export function pathsNamedIn(words: readonly string[], port: string): ReadonlySet<string> {
  const named = words.flatMap((word) => [...word.matchAll(ADDRESS)]);
  return new Set(named.flatMap(([, at, path = '']) => (at === port ? [path.replace(/\/+$/, '')] : [])));
}

export interface NamedPaths {
  /** Undefined if there is no such path now. */
  find(path: string): { readonly ready: boolean } | undefined;
  /** Whether a configured entry or pattern matches. */
  isConfigured(path: string): boolean;
}

/**
 * Maps `app` and `stream` to the path `app/stream`; for the usual app `live` to the path `stream` if only that exists.
 */
export function pathOf(app: string, stream: string, paths: NamedPaths): string {
  const full = `${app}/${stream}`;
  if (app !== 'live' || paths.find(full)) {
    return full;
  }
  const isPlain = paths.find(stream) !== undefined || (!paths.isConfigured(full) && paths.isConfigured(stream));
  return isPlain ? stream : full;
}

/** A camera on another box. */
export interface RemotePath {
  /** Id of the box. */
  readonly box: string;
  /** Name of the path on that box. */
  readonly path: string;
}

const SOURCE = /^perch:\/\/([0-9a-f]{16})\/([^?#\s]+)$/i;

/** The camera of a source `perch://BOX/PATH`; undefined for any other source. */
export function remotePathOf(source: string): RemotePath | undefined {
  const [, box = '', path = ''] = SOURCE.exec(source.trim()) ?? [];
  try {
    return box === '' ? undefined : { box: box.toLowerCase(), path: decodeURIComponent(path) };
  } catch {
    return undefined;
  }
}

export const sourceOf = ({ box, path }: RemotePath): string => `perch://${box}/${encodePath(path)}`;

/** Encodes a path name for URLs; slashes stay. */
export const encodePath = (path: string): string => path.split('/').map(encodeURIComponent).join('/');

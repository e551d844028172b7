import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

/** A disk that is pulled while it is mounted: every operation below a folder fails, until the end of the returned block. */
export function failBelow(folder: string, code = 'EIO'): Disposable & { readonly asked: readonly string[] } {
  const { readdir, stat, open } = fs;
  const asked: string[] = [];
  const failing =
    <A extends unknown[], R>(call: (path: string, ...rest: A) => R) =>
    (path: string, ...rest: A): R => {
      if (`${path}/`.startsWith(`${folder}/`)) {
        asked.push(path);
        const error = Object.assign(new Error(`${code}: i/o error, '${path}'`), { code });
        return Promise.reject(error) as R;
      }
      return call(path, ...rest);
    };
  Object.assign(fs, { readdir: failing(readdir as never), stat: failing(stat as never), open: failing(open as never) });
  syncBuiltinESMExports();
  return {
    asked,
    [Symbol.dispose]() {
      Object.assign(fs, { readdir, stat, open });
      syncBuiltinESMExports();
    },
  };
}

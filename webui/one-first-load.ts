import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { type BuildOptions, build, type Plugin } from 'esbuild';

/**
 * Keeps what the page loads first in one file. esbuild cuts scripts where the pages that come later share them, here into
 * more than twenty, and a slow phone pays for each. If each later page imports the whole first load, which is there
 * before any of them, nothing is left to cut.
 *
 * @param options those of the build itself
 * @param first what is loaded first, relative to the folder of the build
 */
export async function oneFirstLoad(options: BuildOptions & { absWorkingDir: string }, first: string): Promise<Plugin> {
  const { metafile } = await build({ ...options, metafile: true, write: false });
  const later = new Set<string>();
  for (const { imports } of Object.values(metafile.inputs)) {
    for (const { path, kind } of imports) {
      if (kind === 'dynamic-import' && !path.startsWith('../')) {
        later.add(join(options.absWorkingDir, path));
      }
    }
  }
  const importsFirst = `import ${JSON.stringify(join(options.absWorkingDir, first))};\n`;
  return {
    name: 'one-first-load',
    setup: ({ onLoad }) => {
      onLoad({ filter: /\.tsx?$/ }, async ({ path }) =>
        later.has(path)
          ? { contents: importsFirst + (await readFile(path, 'utf8')), loader: extname(path).slice(1) as 'ts' | 'tsx' }
          : undefined,
      );
    },
  };
}

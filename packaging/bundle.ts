import { readFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { build, type Plugin } from 'esbuild';
import packageJson from '../package.json' with { type: 'json' };
import { leftOut } from './left-out.ts';

const ROOT = join(import.meta.dirname, '..');
/** One script for Node from 22.13 on, in the old form of modules. */
export const ONE_SCRIPT = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node22.13',
  minify: true,
  legalComments: 'none',
  write: false,
} as const;
const SCRIPT = 'perch.cjs';
const PROGRAM = 'agent/main.ts';
const PACKAGE = 'package.json';
/** What the program starts as threads. */
const THREADS = ['agent/transcode/worker.ts', 'agent/auth/passwords/argon2-worker.ts'];

/**
 * The agent in one script for Node from 22.13 on, with all that it needs but the page, which it looks for where the sources do
 * (`../webui/dist`). In the old form of modules: Node keeps less of their text in memory.
 * The same sources make the same bytes, wherever they lie.
 * @param version what it says of itself: by it an update is newer or not
 * @returns files by name: the script, its source map (`node --enable-source-maps`), and a line for each kind of thread
 */
export async function bundleAgent(version = packageJson.version): Promise<ReadonlyMap<string, Uint8Array>> {
  const { outputFiles } = await build({
    ...ONE_SCRIPT,
    stdin: { contents: entry(), resolveDir: ROOT, sourcefile: 'entry.js' },
    outfile: SCRIPT,
    sourcemap: 'external',
    banner: { js: "const ownAddress=require('node:url').pathToFileURL(__filename).href;" },
    define: { 'import.meta.url': 'ownAddress', 'import.meta.dirname': '__dirname' },
    plugins: [...PLUGINS, versionOf(version)],
  });
  const files = new Map(outputFiles.map(({ path, contents }) => [basename(path), contents]));
  const script = files.get(SCRIPT);
  if (script?.some((byte) => byte > 127) !== false) {
    throw new Error(`${SCRIPT} is not there or not ASCII: V8 would keep two bytes for each character of it`);
  }
  for (const file of THREADS) {
    files.set(threadOf(file), Buffer.from(`require('./${SCRIPT}');\n`));
  }
  return files;
}

/** One text for the program and its threads: by which name it was started says what it is. */
function entry(): string {
  const cases = THREADS.map((file) => `case '${threadOf(file)}': import('./${file}'); break;`);
  return `switch (require('node:path').basename(process.argv[1])) { ${cases.join(' ')} default: import('./${PROGRAM}'); }`;
}

const threadOf = (file: string): string => `${basename(file, '.ts')}.cjs`;

/** In the sources a thread is started from a file of its own. */
const threads: Plugin = {
  name: 'threads',
  setup: (built) =>
    built.onLoad({ filter: /\/agent\/.*\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const contents = source.replaceAll(/new URL\('(\.\/[\w-]+\.ts)', import\.meta\.url\)/g, (_, module: string) => {
        const file = relative(ROOT, join(path, '..', module));
        if (!THREADS.includes(file)) {
          throw new Error(`${relative(ROOT, path)} starts ${file} as a thread, which is not in the bundle`);
        }
        return `new URL('./${threadOf(file)}', import.meta.url)`;
      });
      return { loader: 'ts', contents };
    }),
};

/**
 * What node-onvif's services make of their address serves as a name alone (`requests.ts`). Node warns of its way to read one,
 * outside of `node_modules` at least: as if somebody who watches cameras could act on that.
 */
const onvifAddresses: Plugin = {
  name: 'ONVIF addresses',
  setup: (built) =>
    built.onLoad({ filter: /\/node-onvif\/lib\/modules\/service-(?:device|media|ptz)\.js$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const contents = source.replace('mUrl.parse(this.xaddr)', 'new URL(this.xaddr)');
      if (contents.includes('mUrl.parse(')) {
        throw new Error(`${relative(ROOT, path)} has changed: it reads addresses elsewhere, too`);
      }
      return { loader: 'js', contents };
    }),
};

/** Of `package.json` the program has its version, which is the package's. */
const versionOf = (version: string): Plugin => ({
  name: 'version',
  setup: (built) =>
    built.onLoad({ filter: /\/package\.json$/ }, ({ path }) =>
      path === join(ROOT, PACKAGE) ? { loader: 'json', contents: JSON.stringify({ version }) } : undefined,
    ),
});

/** Of every bundle, whichever version it is of. */
export const PLUGINS: Plugin[] = [threads, leftOut, onvifAddresses];

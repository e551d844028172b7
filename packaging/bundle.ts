import { readFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { build, type Plugin } from 'esbuild';
import packageJson from '../package.json' with { type: 'json' };

const ROOT = join(import.meta.dirname, '..');
/** One CommonJS script for Node from 22.13 on. */
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
const THREADS = ['agent/transcode/worker.ts', 'agent/auth/passwords/argon2-worker.ts'];

/**
 * The agent in one script with its dependencies; the page stays outside, at `../webui/dist` as in the sources.
 * CommonJS, of which Node keeps less text in memory. The same sources yield the same bytes, wherever they are.
 * @param version that the program reports, and that decides whether an update is newer
 * @returns files by name: the script, its source map (`node --enable-source-maps`), and a line for each worker thread
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
    throw new Error(`${SCRIPT} is missing or not ASCII: V8 would keep two bytes per character`);
  }
  for (const file of THREADS) {
    files.set(threadOf(file), Buffer.from(`require('./${SCRIPT}');\n`));
  }
  return files;
}

/** One script for the program and its threads; its name decides which of them runs. */
function entry(): string {
  const cases = THREADS.map((file) => `case '${threadOf(file)}': import('./${file}'); break;`);
  return `switch (require('node:path').basename(process.argv[1])) { ${cases.join(' ')} default: import('./${PROGRAM}'); }`;
}

const threadOf = (file: string): string => `${basename(file, '.ts')}.cjs`;

/** In the sources each thread has a file of its own. */
const threads: Plugin = {
  name: 'threads',
  setup: (built) =>
    built.onLoad({ filter: /\/agent\/.*\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const contents = source.replaceAll(/new URL\('(\.\/[\w-]+\.ts)', import\.meta\.url\)/g, (_, module: string) => {
        const file = relative(ROOT, join(path, '..', module));
        if (!THREADS.includes(file)) {
          throw new Error(`${relative(ROOT, path)} starts the thread ${file}, which is not in the bundle`);
        }
        return `new URL('./${threadOf(file)}', import.meta.url)`;
      });
      return { loader: 'ts', contents };
    }),
};

/**
 * node-onvif's services only compare the parsed address (`requests.ts`). They parse it with a deprecated function, of
 * which Node warns outside of `node_modules`.
 */
const onvifAddresses: Plugin = {
  name: 'ONVIF addresses',
  setup: (built) =>
    built.onLoad({ filter: /\/node-onvif\/lib\/modules\/service-(?:device|media|ptz)\.js$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const contents = source.replace('mUrl.parse(this.xaddr)', 'new URL(this.xaddr)');
      if (contents.includes('mUrl.parse(')) {
        throw new Error(`${relative(ROOT, path)} has changed: it parses addresses elsewhere, too`);
      }
      return { loader: 'js', contents };
    }),
};

/** Functions of systeminformation in use, by file. */
export const MEASURES: Readonly<Record<string, string>> = {
  currentLoad: 'cpu',
  cpuTemperature: 'cpu',
  mem: 'memory',
  diskLayout: 'filesystem',
  system: 'system',
};

/** Unused parts of packages: @fastify/static lists files only without its wildcard, and node-onvif only reads XML. */
const NEVER_USED: readonly (readonly [module: RegExp, importer: RegExp, contents: string])[] = [
  [/^glob$/, /\/@fastify\/static\/index\.js$/, 'exports.glob = undefined;'],
  [/^\.\/builder$/, /\/xml2js\/lib\/xml2js\.js$/, 'exports.Builder = undefined;'],
];

/** Leaves out code that never runs on a device: it would be downloaded with each update and kept in memory. */
export const leftOut: Plugin = {
  name: 'left out',
  setup: (built) => {
    built.onLoad({ filter: /\/systeminformation\/lib\/[\w-]+\.js$/ }, async ({ path }) => {
      const contents = basename(path) === 'index.js' ? measures() : onLinux(await readFile(path, 'utf8'));
      return { loader: 'js', contents };
    });
    for (const [index, [filter, importer, contents]] of NEVER_USED.entries()) {
      built.onResolve({ filter }, (asked) =>
        importer.test(asked.importer) ? { path: String(index), namespace: 'never used' } : undefined,
      );
      built.onLoad({ filter: new RegExp(`^${index}$`), namespace: 'never used' }, () => ({ loader: 'js', contents }));
    }
  },
};

/** Replaces the index, which also has printers, sound cards, Wi-Fi and containers. */
const measures = (): string =>
  Object.entries(MEASURES)
    .map(([name, file]) => `exports.${name} = require('./${file}').${name};\n`)
    .join('');

/** Each file detects the operating system; esbuild then removes unreachable code. */
function onLinux(source: string): string {
  const known = source
    .replaceAll(/^const _(?:linux|darwin|windows|freebsd|openbsd|netbsd|sunos) = .*$/gm, '')
    .replaceAll(/\b_linux\b/g, 'true')
    .replaceAll(/\b_(?:darwin|windows|freebsd|openbsd|netbsd|sunos)\b/g, 'false');
  // esbuild escapes non-ASCII characters in strings, but not in regular expressions and templates.
  return known.replaceAll(/[^\0-\x7f]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Of `package.json` the program needs only the version. */
const versionOf = (version: string): Plugin => ({
  name: 'version',
  setup: (built) =>
    built.onLoad({ filter: /\/package\.json$/ }, ({ path }) =>
      path === join(ROOT, PACKAGE) ? { loader: 'json', contents: JSON.stringify({ version }) } : undefined,
    ),
});

export const PLUGINS: Plugin[] = [threads, leftOut, onvifAddresses];

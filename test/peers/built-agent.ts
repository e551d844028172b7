import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { build, type OutputFile, type Plugin } from 'esbuild';

const ROOT = join(import.meta.dirname, '../..');
const FOLDER = join(ROOT, 'node_modules/.cache/built-agent');
/** The program, and what it starts as threads. */
const ENTRIES = ['agent/main.ts', 'agent/transcode/worker.ts', 'agent/auth/argon2-worker.ts'];
/** What packages in the old form of modules expect to find. */
const OF_OLD_MODULES = `import { createRequire as requireFor } from 'node:module';
const require = requireFor(import.meta.url), { filename: __filename, dirname: __dirname } = import.meta;`;
const KEPT_MS = 24 * 3_600_000;

/** Threads are started from what was built; folders are those that the sources mean. */
const ownPlace: Plugin = {
  name: 'own place',
  setup: (built) =>
    built.onLoad({ filter: /\/(agent|system)\/.*\.ts$/ }, async ({ path }) => ({
      loader: 'ts',
      contents: (await readFile(path, 'utf8'))
        .replaceAll(/new URL\('\.\/([\w-]+)\.ts', import\.meta\.url\)/g, `new URL('./$1.mjs', import.meta.url)`)
        .replaceAll('import.meta.dirname', JSON.stringify(dirname(path))),
    })),
};

/**
 * The agent in a few files of JavaScript, for those who start it a few hundred times: from its sources each start costs the better
 * part of a second of CPU time, from these half of that. Made anew from the sources as they are; what is the same stays.
 */
export async function setup(): Promise<void> {
  // Once for all projects.
  process.env['BUILT_AGENT'] ??= keep(await bundle());
}

async function bundle(): Promise<OutputFile[]> {
  const { outputFiles } = await build({
    ...{ absWorkingDir: ROOT, entryPoints: ENTRIES, entryNames: '[name]', chunkNames: 'chunk-[hash]', outdir: FOLDER },
    ...{ bundle: true, splitting: true, platform: 'node', format: 'esm', target: 'node22', write: false },
    // The names of classes and functions are in logs and profiles.
    ...{ keepNames: true, banner: { js: OF_OLD_MODULES }, outExtension: { '.js': '.mjs' }, plugins: [ownPlace] },
    // The first looks for its WebAssembly beside itself; the others lose their certificate generator when they are put together.
    external: ['libopus-wasm', '@peculiar/x509', 'werift'],
  });
  return outputFiles;
}

/** @returns the file to start */
function keep(files: readonly OutputFile[]): string {
  const hash = createHash('sha256');
  for (const { path, contents } of files) {
    hash.update(basename(path)).update('\0').update(contents);
  }
  const folder = join(FOLDER, hash.digest('hex').slice(0, 16));
  const fresh = `${folder}-${process.pid}`;
  mkdirSync(fresh, { recursive: true });
  for (const { path, contents } of files) {
    writeFileSync(join(fresh, basename(path)), contents);
  }
  try {
    renameSync(fresh, folder);
  } catch {
    // It is there.
    rmSync(fresh, { recursive: true });
  }
  for (const name of readdirSync(FOLDER)) {
    const old = join(FOLDER, name);
    if (Date.now() - statSync(old).mtimeMs > KEPT_MS && old !== folder) {
      rmSync(old, { recursive: true, force: true });
    }
  }
  return join(folder, 'main.mjs');
}

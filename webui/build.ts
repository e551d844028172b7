import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join, parse, sep } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type BuildOptions, build, type Metafile, type Plugin } from 'esbuild';
import { buildHls } from './hls-script.ts';
import { JSX_CALLS, jsxCalls } from './jsx-calls.ts';
import { fewScripts } from './page-scripts.ts';
import { NAV_ITEMS } from './shell/nav-items.ts';
import { ICONS, MARK } from './ui/icons/icon-paths.ts';

const HERE = import.meta.dirname;

/** How every script and style is built. */
const COMMON = {
  absWorkingDir: HERE,
  bundle: true,
  format: 'iife',
  // Browsers of the last three years.
  target: ['chrome116', 'edge116', 'firefox117', 'safari16.4'],
  minify: true,
  legalComments: 'none',
  logLevel: 'warning',
} satisfies BuildOptions;

/** gzip, because browsers accept brotli only over https. */
const PACKED = /\.(?:js|css)$/;

const SOURCES = /^(?!words\/(?!format|dates)|features\/[\w-]+\/words\/|dist|element|api\/)(?!.*\.test\.).*/;
const LIBRARIES = ['preact', 'preact/hooks', '@preact/signals', '@preact/signals-core'];
const COMMENTS = /\/\*[\s\S]*?\*\/|\/\/.*/g;
/** Where texts come from: `words.value.`, `t.` */
export const TEXTS = String.raw`\b(?:t|words|live|\w+Words)(?:\.value|\.peek\(\))?`;

/**
 * Builds the page into `folder`: scripts and style with a content hash in their names (cached forever), the
 * `index.html` that names them, and `.gz` files of both. The old build stays until the new one is complete.
 */
export async function buildPage(folder: string): Promise<void> {
  const fresh = `${folder}.new`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true });
  const page: BuildOptions & { absWorkingDir: string } = {
    ...COMMON,
    entryPoints: { main: 'app/main.tsx', app: 'app.css', later: 'later.css' },
    outdir: fresh,
    splitting: true,
    format: 'esm',
    tsconfigRaw: JSX_CALLS,
    mangleProps: new RegExp(`^(?:${onlyTextNames().join('|')})$`),
    // Modules are always UTF-8.
    charset: 'utf8',
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    assetNames: '[name]-[hash]',
    loader: { '.mp4': 'file' },
    plugins: [plainHls, jsxCalls],
  };
  const plugins = [plainHls, chineseTexts, await fewScripts(page, 'app/main.tsx'), jsxCalls];
  const { metafile } = await build({ ...page, plugins, metafile: true });
  await buildElement(fresh);
  await buildNearLive(fresh);
  await buildApiPage(fresh);
  // For the HLS pages, the element and the page.
  await buildHls(join(fresh, 'hls.min.js'));
  const names = new Map([
    ['main.js', outputOf(metafile, 'app/main.tsx')],
    ['app.css', outputOf(metafile, 'app.css')],
    ['mark.svg', await copyHashed('mark.svg', fresh)],
  ]);
  await copyApp(fresh);
  const imports = firstImports(metafile);
  const laterNames = new Map([['later.css', outputOf(metafile, 'later.css')]]);
  await writeFile(join(fresh, 'index.html'), await writeIndex(new Map([...names, ...laterNames]), imports));
  await buildShellWorker(fresh, [...names.values(), ...imports]);
  await packAll(fresh);
  await rm(folder, { recursive: true, force: true });
  await rename(fresh, folder);
}

/** Chinese texts without their keys, which are the English ones in the same order. */
const chineseTexts: Plugin = {
  name: 'Chinese texts',
  setup: ({ onLoad }) => {
    onLoad(
      { filter: /\/(?:words\/zh-cn\/(?:settings\/)?[\w-]+|features\/[\w-]+\/words\/zh-cn)\.ts$/ },
      async ({ path }) => {
        const pages: Readonly<Record<string, object>> = await import(path);
        const lists = Object.entries(pages).map(([page, texts]) => {
          const list = Object.values(texts).map((text) => (typeof text === 'function' ? text : JSON.stringify(text)));
          return `export const ${page} = [${list.join()}];\n`;
        });
        return { contents: lists.join('') };
      },
    );
    onLoad({ filter: /\/words\/zh-cn-features\.ts$/ }, () => {
      const names = globSync('features/*/words/zh-cn.ts', { cwd: HERE }).map((file) => file.split(sep)[1] ?? '');
      const lines = names
        .sort()
        .map((name, i) => `import { zhCn as t${i} } from '../features/${name}/words/zh-cn.ts';\n`);
      const all = names.map((name, i) => `'${name}': t${i}`);
      return {
        contents: `${lines.join('')}export const zhCnFeatures = { ${all.join()} };\n`,
        resolveDir: join(HERE, 'words'),
      };
    });
  },
};

/** hls.js as a plain script, shared by all that use it. */
const plainHls: Plugin = {
  name: 'plain hls.js',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^hls\.js$/ }, ({ path }) => ({ path, namespace: 'plain' }));
    onResolve({ filter: /^\.\/hls\.min\.js$/ }, ({ path }) => ({ path, external: true }));
    onLoad({ filter: /.*/, namespace: 'plain' }, () => ({
      contents: "import './hls.min.js'; export default globalThis.Hls;",
    }));
  },
};

/** Inlined into the page; the content security policy has its hash. */
async function buildInline(source: 'shell.css' | 'app/early.ts'): Promise<string> {
  const { outputFiles } = await build({
    ...COMMON,
    entryPoints: [source],
    write: false,
    // The inline script reports old browsers, so its target is the first version with live video, which has `const`.
    ...(source === 'app/early.ts' && { target: 'es5', supported: { 'const-and-let': true } }),
  });
  return (outputFiles[0]?.text ?? '').trim();
}

/** `<perch-video>` for other pages: plain scripts with fixed names, without hls.js. */
async function buildElement(folder: string): Promise<void> {
  await build({
    ...COMMON,
    entryPoints: ['element/perch-video.ts', 'element/perch-video-hls.ts'],
    outdir: folder,
  });
}

/** For the player page of the HLS port, which is no module: `perchNearLive.NearLive`. */
async function buildNearLive(folder: string): Promise<void> {
  await build({
    ...COMMON,
    entryPoints: { 'near-live': 'player/session/near-live.ts' },
    outdir: folder,
    globalName: 'perchNearLive',
  });
}

/** The page of the control API, below `/v3/docs` of every port with the API. */
async function buildApiPage(folder: string): Promise<void> {
  await build({
    ...COMMON,
    entryPoints: ['api/api.ts', 'api/api.css'],
    outdir: folder,
    format: 'esm',
  });
  await copyFile(join(HERE, 'api/api.html'), join(folder, 'api.html'));
}

/** For installing the page, and the guide that it links; fixed names. */
async function copyApp(folder: string): Promise<void> {
  await copyFile(join(HERE, 'manifest.webmanifest'), join(folder, 'manifest.webmanifest'));
  for (const icon of await readdir(join(HERE, 'icons'))) {
    await copyFile(join(HERE, 'icons', icon), join(folder, icon));
  }
  // Browsers show plain text, and download Markdown.
  await copyFile(join(HERE, '../docs/guide/access/remote-access.md'), join(folder, 'remote-access.txt'));
}

/** The service worker: a fixed name, with new content for every build of the page. */
async function buildShellWorker(folder: string, files: readonly string[]): Promise<void> {
  const page = await readFile(join(folder, 'index.html'));
  const version = createHash('sha256').update(page).digest('hex').slice(0, 8);
  await build({
    ...COMMON,
    entryPoints: ['app/shell-worker.ts'],
    outdir: folder,
    define: { SHELL_FILES: JSON.stringify(files), SHELL_VERSION: JSON.stringify(version) },
  });
}

async function packAll(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (PACKED.test(name)) {
      const file = join(folder, name);
      await writeFile(`${file}.gz`, gzipSync(await readFile(file), { level: 9 }));
    }
  }
}

function outputOf({ outputs }: Metafile, source: string): string {
  const found = Object.entries(outputs).find(([, output]) => output.entryPoint === source);
  if (!found) {
    throw new Error(`the build has no output for ${source}`);
  }
  return basename(found[0]);
}

/** Static imports of the page's script, which the page preloads. */
function firstImports({ outputs }: Metafile): string[] {
  const main = Object.keys(outputs).find((file) => outputs[file]?.entryPoint === 'app/main.tsx');
  const files = new Set(main === undefined ? [] : [main]);
  for (const file of files) {
    for (const { path, kind } of outputs[file]?.imports ?? []) {
      if (kind === 'import-statement') {
        files.add(path);
      }
    }
  }
  return [...files].slice(1).map((file) => basename(file));
}

async function copyHashed(file: string, folder: string): Promise<string> {
  const bytes = await readFile(join(HERE, file));
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 8).toUpperCase();
  const { name, ext } = parse(file);
  const hashed = `${name}-${hash}${ext}`;
  await writeFile(join(folder, hashed), bytes);
  return hashed;
}

async function writeIndex(names: ReadonlyMap<string, string>, imports: readonly string[]): Promise<string> {
  let page = await readFile(join(HERE, 'index.html'), 'utf8');
  const [style, script] = await Promise.all([buildInline('shell.css'), buildInline('app/early.ts')]);
  page = page
    .replace('<div id="app">', (root) => root + firstPicture())
    .replace('<!-- shell.css -->', () => `<style>${style}</style>`)
    .replace('<!-- early.ts -->', () => `<script>${script}</script>`);
  for (const [plain, hashed] of names) {
    page = page.replace(`"${plain}"`, `"${hashed}"`);
  }
  const preloads = imports.map((file) => `<link rel="modulepreload" href="${file}">\n`).join('');
  return page.replace('</head>', `${preloads}</head>`).replace(/\n\s*/g, '\n');
}

if (import.meta.main) {
  await buildPage(join(HERE, 'dist'));
}

/**
 * Navigation in `index.html` before any script has run, as `Nav` draws it but without labels, because the language is
 * unknown. The page is rendered into the same elements.
 */
function firstPicture(): string {
  const mark =
    `<svg class="mark" viewBox="0 0 32 32"><path class="perch" d="${MARK.perch}"/><path class="bird" d="${MARK.bird}"/>` +
    `<circle class="eye" cx="${MARK.eye.cx}" cy="${MARK.eye.cy}" r="${MARK.eye.r}"/></svg>`;
  const places = NAV_ITEMS.map(
    ({ icon }) => `<a><svg class="icon" viewBox="0 0 24 24"><path d="${ICONS[icon]}"/></svg>&nbsp;</a>`,
  );
  return `<main></main><nav data-first aria-hidden="true">${mark}${places.join('')}</nav>`;
}

/** The page's sources without texts and comments. */
export function pageSources(): string {
  const files = globSync('**/*.{ts,tsx}', { cwd: HERE }).filter((file) => SOURCES.test(file));
  return files.map((file) => readFileSync(join(HERE, file), 'utf8').replace(COMMENTS, ' ')).join('\n');
}

/**
 * Names of texts that the page and its libraries use for nothing else, each time as a member of the texts. The build
 * shortens them.
 */
function onlyTextNames(): readonly string[] {
  const libraries = LIBRARIES.map((name) => readFileSync(new URL(import.meta.resolve(name)), 'utf8'));
  const sources = [pageSources(), ...libraries].join('\n');
  const texts = globSync(['words/en/**/*.ts', 'features/*/words/en.ts'], { cwd: HERE }).map((file) =>
    readFileSync(join(HERE, file), 'utf8'),
  );
  const names = new Set([...texts.join('\n').matchAll(/^ {2}(\w+):/gm)].map(([, name = '']) => name));
  const uses = counts(sources.matchAll(/[\w$]+/g), 0);
  const members = counts(sources.matchAll(new RegExp(String.raw`${TEXTS}\??\.(\w+)`, 'g')), 1);
  return [...names].filter((name) => members.has(name) && members.get(name) === uses.get(name));
}

function counts(found: Iterable<RegExpExecArray>, group: number): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  for (const { [group]: name = '' } of found) {
    numbers.set(name, (numbers.get(name) ?? 0) + 1);
  }
  return numbers;
}

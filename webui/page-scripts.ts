import { globSync } from 'node:fs';
import { extname, join, relative } from 'node:path';
import { type BuildOptions, build, type Metafile, type Plugin } from 'esbuild';
import { readSource } from './jsx-calls.ts';

/** Dynamically imported files of the page, by the name of the script that contains them. */
type Scripts = Readonly<Record<string, readonly string[]>>;

/** Used before any later page, so they load nothing that only later pages use. */
const EARLY: Scripts = {
  grid: [
    'api-client/move-to-https.ts',
    'live/announcements.tsx',
    'live/tile-actions.ts',
    'pages/cards/owner-cards.tsx',
    'live/grid-keys.ts',
    'pages/layout-menu.tsx',
    'live/tile-order.tsx',
    'ui/sheet/popup.tsx',
    ...globSync('features/*/live-button.tsx', { cwd: import.meta.dirname }),
  ],
  login: ['pages/login.tsx', 'pages/login-sheet.tsx', 'people/factor-fields.tsx', 'ui/controls/login-notes.tsx'],
};

/** Parts of the page that one script holds, with those of features in `settings`, because they are used together. Others have a script of their own. */
const LATER: Scripts = {
  camera: [
    'camera-view/outputs-sheet.tsx',
    'camera-view/presets-sheet.tsx',
    'clips/snapshot-button.tsx',
    'pages/camera.tsx',
    'pages/doorbell-call.tsx',
    'pages/keyboard-help.tsx',
    'pages/wall.tsx',
  ],
  recordings: [
    'camera-view/rewind-strip.tsx',
    'pages/recordings.tsx',
    'clips/clip-panel.tsx',
    'clips/delete-range-sheet.tsx',
    'pages/clips/clip-link-sheet.tsx',
    'pages/clips/clips.tsx',
    'pages/clips/shared-clip.tsx',
    'pages/events.tsx',
    ...globSync('features/*/recorded-tool.tsx', { cwd: import.meta.dirname }),
  ],
  cameras: [
    'pages/start.tsx',
    'pages/settings/cameras/camera-sheets.ts',
    'pages/settings/cameras/cameras.tsx',
    'pages/settings/cameras/layouts/layouts-page.tsx',
    ...globSync('features/*/{camera-sheet,find-motion}.tsx', { cwd: import.meta.dirname }),
  ],
  settings: [
    'live/setup-warnings.tsx',
    'pages/cards/disk-trouble.tsx',
    'pages/settings/people/people.tsx',
    'pages/settings/people/second-factor-sheet.tsx',
    'pages/settings/people/views.tsx',
    'pages/settings/settings.tsx',
    'pages/settings/storage/storage.tsx',
    'pages/settings/system/parts/offer-time.tsx',
    'pages/settings/system/restore-panel.tsx',
    'pages/settings/system/secure.tsx',
    'pages/settings/system/system-backup.tsx',
    'pages/settings/system/system-file.tsx',
    'pages/settings/system/system-log.tsx',
    'pages/settings/system/system.tsx',
  ],
};

const SCRIPT = 'page-script';

/**
 * Cuts the page into few scripts: small ones compress badly, and each costs a request. esbuild makes a
 * script of each dynamic import, and one for each set of imports that share modules.
 *
 * The first load is one script. All later ones import it as a whole, so that esbuild does not split it.
 *
 * @param options of the build
 * @param entry of the page, relative to the folder of the build
 */
export async function fewScripts(options: BuildOptions & { absWorkingDir: string }, entry: string): Promise<Plugin> {
  const { metafile } = await build({ ...options, metafile: true, write: false });
  const first = directImports(metafile, entry);
  const folder = options.absWorkingDir;
  const later = dynamicImports(metafile);
  const importing = (file: string) => `import ${JSON.stringify(join(folder, file))};\n`;
  const scripts = new Map<string, string>();
  const scriptOf = new Map<string, string>();
  const named = Object.values({ ...EARLY, ...LATER }).flat();
  const ofFeatures = [...later]
    .map((file) => relative(folder, file))
    .filter((file) => file.startsWith('features/') && !named.includes(file));
  const all: Scripts = { ...EARLY, ...LATER, settings: [...(LATER['settings'] ?? []), ...ofFeatures] };
  const shared = sharedModules(metafile, first, all);
  for (const [name, files] of Object.entries(all)) {
    checkExports(metafile, later, files);
    const exporting = files.map((file) => `export * from ${JSON.stringify(join(folder, file))};\n`);
    const modules = name in EARLY ? [...first, ...shared.early] : [...first, ...shared.early, ...shared.later];
    scripts.set(name, modules.map(importing).concat(exporting).join(''));
    files.forEach((file) => {
      scriptOf.set(join(folder, file), name);
    });
  }
  return {
    name: 'few scripts',
    setup: ({ onResolve, onLoad }) => {
      onResolve({ filter: /^\./ }, ({ path, resolveDir, kind }) => {
        const script = kind === 'dynamic-import' ? scriptOf.get(join(resolveDir, path)) : undefined;
        return script === undefined ? undefined : { path: script, namespace: SCRIPT };
      });
      onLoad({ filter: /.*/, namespace: SCRIPT }, ({ path }) => ({
        contents: scripts.get(path) ?? '',
        resolveDir: folder,
      }));
      onLoad({ filter: /\.tsx?$/ }, async ({ path }) =>
        later.has(path) && !scriptOf.has(path)
          ? {
              contents: first.map(importing).join('') + (await readSource(path)),
              loader: extname(path).slice(1) as 'ts' | 'tsx',
            }
          : undefined,
      );
    },
  };

  function dynamicImports({ inputs }: Metafile): Set<string> {
    const imports = Object.values(inputs).flatMap((input) => input.imports);
    const files = imports.filter(({ path, kind }) => kind === 'dynamic-import' && !path.startsWith('../'));
    return new Set(files.map(({ path }) => join(folder, path)));
  }

  function checkExports({ outputs }: Metafile, known: ReadonlySet<string>, files: readonly string[]): void {
    const stale = files.filter((file) => !known.has(join(folder, file)));
    const names = Object.values(outputs).flatMap(({ entryPoint = '', exports }) =>
      files.includes(entryPoint) ? exports : [],
    );
    const twice = names.filter((name, i) => names.indexOf(name) !== i);
    if (stale.length > 0 || twice.length > 0) {
      throw new Error(`not imported dynamically: ${stale}; exported twice: ${twice}`);
    }
  }
}

/**
 * Modules outside the first load that at least two scripts use. Those of early scripts are in a file that all scripts
 * load; the rest are in one that all later scripts load. A file for each set of scripts would take more bytes.
 */
function sharedModules(
  metafile: Metafile,
  first: readonly string[],
  all: Scripts,
): { early: string[]; later: string[] } {
  const inFirst = staticImports(metafile, first);
  const users = new Map<string, string[]>();
  for (const [name, files] of Object.entries(all)) {
    for (const file of staticImports(metafile, files)) {
      users.set(file, [...(users.get(file) ?? []), name]);
    }
  }
  const shared = [...users].filter(([file, names]) => names.length > 1 && !inFirst.has(file));
  const isEarly = ([, names]: [string, string[]]) => names.some((name) => name in EARLY);
  const files = (modules: typeof shared) => modules.map(([file]) => file);
  return { early: files(shared.filter(isEarly)), later: files(shared.filter((one) => !isEarly(one))) };
}

function staticImports({ inputs }: Pick<Metafile, 'inputs'>, files: readonly string[]): Set<string> {
  const found = new Set(files);
  for (const file of found) {
    for (const path of directImports({ inputs }, file)) {
      found.add(path);
    }
  }
  return found;
}

const directImports = ({ inputs }: Pick<Metafile, 'inputs'>, file: string): string[] =>
  (inputs[file]?.imports ?? [])
    .filter(({ path, kind }) => kind === 'import-statement' && path in inputs)
    .map(({ path }) => path);

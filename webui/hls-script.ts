import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, type Plugin, transform } from 'esbuild';

const DIST = fileURLToPath(import.meta.resolve('hls.js/dist/hls.mjs'));
const WORKER = join(dirname(DIST), '../src/demux/transmuxer-worker.ts');

/** Parts that hls.js reaches through its configuration only. No playlist of Perch has a use for them. */
const UNUSED = [
  'subtitleStreamController',
  'subtitleTrackController',
  'timelineController',
  'emeController',
  'cmcdController',
  'contentSteeringController',
  'iframeController',
  'interstitialsController',
];

/** Builds `hls.min.js`: hls.js as a plain script, which also runs as its own worker, without what Perch has no use for. */
export async function buildHls(outfile: string): Promise<void> {
  await build({ ...HLS_SCRIPT, outfile });
}

export const HLS_SCRIPT: BuildOptions = {
  stdin: {
    contents: `import Hls from ${JSON.stringify(DIST)}; globalThis.Hls = Hls;`,
    resolveDir: import.meta.dirname,
  },
  bundle: true,
  format: 'iife',
  // Matches the oldest browsers that the player page of the HLS port supports.
  target: 'es2020',
  minify: true,
  legalComments: 'none',
  // hls.js starts its worker with the text of the function that has this name.
  banner: { js: '!function __HLS_WORKER_BUNDLE__(__IN_WORKER__){' },
  footer: { js: '}(!1);' },
  plugins: [
    {
      name: 'hls.js',
      setup: ({ onLoad }) => {
        onLoad({ filter: /\/hls\.mjs$/ }, async ({ path }) => ({
          contents: without(await readFile(path, 'utf8')) + (await workerSource()),
        }));
      },
    } satisfies Plugin,
  ],
  logLevel: 'warning',
};

function without(source: string): string {
  const cut = (text: string, part: string): string => {
    const [entry, name] = new RegExp(`^  ${part}: (\\w+) ?(?=,?$)`, 'm').exec(text) ?? [];
    if (entry === undefined) {
      throw new Error(`hls.js has changed: its configuration has no ${part}`);
    }
    // A static member would keep the class.
    return text.replace(entry, `  ${part}: undefined`).replaceAll(new RegExp(`^${name}\\.\\w+ = .*;$`, 'gm'), '');
  };
  return UNUSED.reduce(cut, source).replace('}, timelineConfig()), {}, {', '}), {}, {');
}

/** The module of hls.js has no worker. Its source uses only names that the module has. */
async function workerSource(): Promise<string> {
  const source = await readFile(WORKER, 'utf8');
  const { code } = await transform(source.replaceAll(/^import .*;$/gm, ''), { loader: 'ts' });
  return code;
}

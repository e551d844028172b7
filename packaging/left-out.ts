import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Plugin } from 'esbuild';

/** What Perch asks systeminformation for, by the files in which it lies. */
export const MEASURES: Readonly<Record<string, string>> = {
  currentLoad: 'cpu',
  cpuTemperature: 'cpu',
  mem: 'memory',
  diskLayout: 'filesystem',
  system: 'system',
};

/** Parts of packages that Perch never comes to: @fastify/static lists files only without its wildcard, and node-onvif only reads XML. */
const NEVER_USED: readonly (readonly [module: RegExp, importer: RegExp, contents: string])[] = [
  [/^glob$/, /\/@fastify\/static\/index\.js$/, 'exports.glob = undefined;'],
  [/^\.\/builder$/, /\/xml2js\/lib\/xml2js\.js$/, 'exports.Builder = undefined;'],
];

/** A bundle without what a device never runs: it would be downloaded with each update, and its text kept in memory. */
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

/** Its own list has printers, sound cards, Wi-Fi, containers and more. */
const measures = (): string =>
  Object.entries(MEASURES)
    .map(([name, file]) => `exports.${name} = require('./${file}').${name};\n`)
    .join('');

/** Each of its files asks anew which system it runs on. esbuild then takes away what cannot be reached. */
function onLinux(source: string): string {
  const known = source
    .replaceAll(/^const _(?:linux|darwin|windows|freebsd|openbsd|netbsd|sunos) = .*$/gm, '')
    .replaceAll(/\b_linux\b/g, 'true')
    .replaceAll(/\b_(?:darwin|windows|freebsd|openbsd|netbsd|sunos)\b/g, 'false');
  // esbuild escapes what is not ASCII in strings, not in patterns and templates.
  return known.replaceAll(/[^\0-\x7f]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { ONE_SCRIPT } from './bundle.ts';
import type { Tree } from './tree.ts';

const UNITS = [
  'perch-update.path',
  'perch-update.service',
  'perch-update-resume.service',
  'perch-update-watch.service',
];

/**
 * Root's part of an update, for machines with dpkg and systemd: it needs nothing else of the package than a Node.
 * @param keys public ones, by the names of their files: without any no update is taken
 */
export async function addUpdater(tree: Tree, keys: ReadonlyMap<string, Uint8Array>): Promise<void> {
  const source = (name: string): Promise<Buffer> => readFile(join(import.meta.dirname, 'linux', name));
  tree.add('usr/lib/perch/update/run', await source('update-run'), 0o755);
  tree.add('usr/lib/perch/update/updater.cjs', await bundleUpdater());
  for (const unit of UNITS) {
    tree.add(`usr/lib/systemd/system/${unit}`, await source(unit));
  }
  for (const [name, pem] of keys) {
    tree.add(`usr/share/perch/update-keys/${name}`, pem);
  }
}

async function bundleUpdater(): Promise<Uint8Array> {
  const { outputFiles } = await build({
    ...ONE_SCRIPT,
    entryPoints: ['system/updater/main.ts'],
    outfile: 'updater.cjs',
    define: { 'import.meta.dirname': '__dirname' },
  });
  return outputFiles[0]?.contents ?? Buffer.alloc(0);
}

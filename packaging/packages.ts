import { execFile } from 'node:child_process';
import type { KeyObject } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { buildPage } from '../webui/build.ts';
import { bundleAgent } from './bundle.ts';
import { call } from './call.ts';
import { type Architecture, type DebOptions, makeNodeDeb, makeObjectsDeb, makePerchDeb } from './debian.ts';
import { INTERRUPTION } from './interruption.ts';
import { packedNode } from './node.ts';
import { hasObjects, makeObjectsArchive, objectFiles } from './objects.ts';
import { makeNodeIpk, makeObjectsIpk, makeOpenwrtArchive, makePerchIpk } from './openwrt.ts';
import { openwrtRuntime } from './openwrt-runtime.ts';
import { inTemporaryFolder } from './stage.ts';
import { Tree } from './tree.ts';
import { makeUpdate } from './update.ts';

const ROOT = join(import.meta.dirname, '..');
const run = promisify(execFile);
const isMap = (name: string): boolean => name.endsWith('.map');

interface Extras {
  readonly openwrt: boolean;
  /** The package `perch-objects`, too. */
  readonly objects: boolean;
  readonly withNode: boolean;
  readonly key: KeyObject | undefined;
}

/** @returns the files, without the source map */
export async function makePackages(
  architectures: readonly Architecture[],
  { openwrt, objects, withNode, key }: Extras,
  options: DebOptions,
): Promise<readonly string[]> {
  const isSmall = options.packing === 'small';
  tell('building the program and its page: takes some seconds');
  const bundle = await bundleAgent(options.version, isSmall ? 'maps' : 'no maps');
  if (isSmall) {
    await writeMaps(bundle, options);
  }
  INTERRUPTION.throwIfAborted();
  const files = await perchFiles(bundle);
  const update = [await makePerchDeb(files, options)];
  const made = [...update];
  if (openwrt) {
    made.push(await makePerchIpk(files, options));
  }
  if (objects && hasObjects()) {
    tell('packing the object detector: npm downloads 180 MB if they are missing');
    const detector = await objectFiles();
    made.push(await makeObjectsDeb(detector, options), await makeObjectsArchive(detector, options));
    if (openwrt) {
      made.push(await makeObjectsIpk(detector, options));
    }
  }
  for (const architecture of architectures) {
    tell(`stripping Node for ${architecture}, downloading it if it is missing`);
    const node = await packedNode(architecture);
    tell(`packing Node for ${architecture}: takes ${isSmall ? 'one or two minutes' : 'some seconds'}`);
    const deb = await makeNodeDeb(architecture, node, options);
    made.push(deb);
    update.push(...(withNode ? [deb] : []));
    if (openwrt) {
      tell(`downloading the libraries for Node on OpenWrt, ${architecture}, from Debian: takes up to a minute`);
      const runtime = await openwrtRuntime(architecture, node);
      tell(`packing Node for OpenWrt, twice: takes ${isSmall ? 'up to a minute' : 'some seconds'}`);
      made.push(await makeNodeIpk(architecture, runtime, options));
      made.push(await makeOpenwrtArchive(architecture, files, runtime, options));
    }
  }
  if (key) {
    tell('signing the update');
    made.push(await makeUpdate(update, key, options));
  }
  return made;
}

/** `perch-maps_VERSION.tar.xz`: source maps, for stack traces with lines of the sources. */
async function writeMaps(bundle: ReadonlyMap<string, Uint8Array>, { folder, version }: DebOptions): Promise<void> {
  const maps = new Tree();
  for (const [name, bytes] of bundle) {
    if (isMap(name)) {
      maps.add(name, bytes);
    }
  }
  await inTemporaryFolder(async (stage) => {
    maps.write(stage, 0);
    await call('tar', ['-cJf', join(folder, `perch-maps_${version}.tar.xz`), '-C', stage, '.']);
  });
}

/** Not to stdout, which lists the built files for other programs. */
export const tell = (text: string): void => void process.stderr.write(`${text}\n`);

/** The bundle and the page as in /usr/lib/perch. */
async function perchFiles(bundle: ReadonlyMap<string, Uint8Array>): Promise<ReadonlyMap<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for (const [name, bytes] of bundle) {
    if (!isMap(name)) {
      files.set(`agent/${name}`, bytes);
    }
  }
  await inTemporaryFolder(async (folder) => {
    const page = join(folder, 'dist');
    await buildPage(page);
    for (const name of (await readdir(page)).sort()) {
      // Compressed at installation: these files would be two thirds of the package.
      if (!name.endsWith('.gz')) {
        files.set(`webui/dist/${name}`, await readFile(join(page, name)));
      }
    }
  });
  return files;
}

/** Unix seconds: the same commit yields the same packages. Without history, the time of `package.json`. */
export async function commitTime(): Promise<number> {
  const set = process.env['SOURCE_DATE_EPOCH'];
  if (set !== undefined) {
    return Number(set);
  }
  const committed = await run('git', ['log', '-1', '--format=%ct'], { cwd: ROOT }).catch(() => undefined);
  return committed ? Number(committed.stdout) : Math.floor((await stat(join(ROOT, 'package.json'))).mtimeMs / 1_000);
}

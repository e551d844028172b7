import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { ONE_SCRIPT } from './bundle.ts';
import { call } from './call.ts';
import { inTemporaryFolder } from './stage.ts';
import { Tree } from './tree.ts';

/** Units in addition to perch.service. */
const UNITS = [
  ...['perch-disk.path', 'perch-disk.service', 'perch-disk-back@.service'],
  ...['perch-clock.path', 'perch-clock.service'],
  ...['perch-drives.timer', 'perch-drives.service'],
  ...['perch-network.path', 'perch-network.service', 'perch-camera-network.service'],
  ...['perch-wireguard.path', 'perch-wireguard.service', 'perch-wireguard-interface.service'],
];
const UPDATE_UNITS = ['.path', '.service', '-resume.service', '-watch.service'].map((end) => `perch-update${end}`);
const HERE = import.meta.dirname;

/** Debian's release that the image and the containers hold. */
export const SUITE = 'trixie';

/** Debian's name of an architecture, npm's, and the program that strips symbols. */
export const ARCHITECTURES = {
  amd64: { npm: 'x64', strip: 'x86_64-linux-gnu-strip' },
  arm64: { npm: 'arm64', strip: 'aarch64-linux-gnu-strip' },
} as const;
export type Architecture = keyof typeof ARCHITECTURES;

export interface DebOptions {
  readonly version: string;
  /** Unix seconds of the built commit. */
  readonly time: number;
  readonly folder: string;
  /** `small` for downloads, `quick` for tests, where a minute counts. */
  readonly packing: 'small' | 'quick';
  /** Public keys of accepted publishers of updates, by file name; none: no updates are accepted. */
  readonly updateKeys?: ReadonlyMap<string, Uint8Array>;
}

export const source = (path: string): Promise<Buffer> => readFile(join(HERE, path));

/** `perch_VERSION_all.deb`. @param files contents of /usr/lib/perch by path: the bundle and the page */
export async function makePerchDeb(files: ReadonlyMap<string, Uint8Array>, options: DebOptions): Promise<string> {
  const tree = new Tree();
  for (const [path, bytes] of files) {
    tree.add(`usr/lib/perch/${path}`, bytes);
  }
  tree
    .add('usr/lib/perch/run', await source('linux/run'), 0o755)
    .add('usr/bin/perch', await source('linux/perch'), 0o755)
    .add('usr/share/perch/perch.yml', await source('linux/perch.yml'))
    .add('usr/lib/systemd/system/perch.service', await source('linux/systemd/perch.service'))
    .add('usr/lib/sysusers.d/perch.conf', await source('linux/sysusers.conf'))
    .add('usr/lib/tmpfiles.d/perch.conf', await source('linux/tmpfiles.conf'))
    // Below 60, so that every file of the administrator follows it (sysctl.d(5)).
    .add('usr/lib/sysctl.d/30-perch.conf', await source('linux/sysctl.conf'))
    .add('usr/share/doc/perch/README.md', await source('../README.md'))
    .add('usr/lib/perch/host/request', await source('linux/host-request'));
  for (const name of ['disk', 'disk-back', 'clock', 'drives', 'network', 'wireguard']) {
    tree.add(`usr/lib/perch/host/${name}`, await source(`linux/host-${name}`), 0o755);
  }
  for (const name of ['camera-network', 'wireguard-phones']) {
    tree.add(`usr/lib/perch/host/${name}`, await source(`linux/${name}`), 0o755);
  }
  for (const unit of UNITS) {
    tree.add(`usr/lib/systemd/system/${unit}`, await source(`linux/systemd/${unit}`));
  }
  await addUpdater(tree, options.updateKeys ?? new Map());
  return makeDeb('perch', 'all', tree, ['postinst', 'prerm', 'postrm'], options);
}

/** `perch-node_VERSION_ARCHITECTURE.deb`. @param node the stripped program */
export async function makeNodeDeb(
  architecture: Architecture,
  { node, license }: { readonly node: Uint8Array; readonly license: Uint8Array },
  options: DebOptions,
): Promise<string> {
  const tree = new Tree()
    .add('usr/lib/perch/node/bin/node', node, 0o755)
    .add('usr/share/doc/perch-node/LICENSE.gz', gzipSync(license, { level: 9 }));
  return makeDeb('perch-node', architecture, tree, [], options);
}

/** `perch-objects_VERSION_all.deb`. @param files contents of /usr/lib/perch/objects by path */
export async function makeObjectsDeb(files: ReadonlyMap<string, Uint8Array>, options: DebOptions): Promise<string> {
  const tree = new Tree();
  for (const [path, bytes] of files) {
    tree.add(`usr/lib/perch/objects/${path}`, bytes);
  }
  return makeDeb('perch-objects', 'all', tree, [], options);
}

/** Adds root's part of an update, for machines with dpkg and systemd. Of the package it needs only Node. */
export async function addUpdater(tree: Tree, keys: ReadonlyMap<string, Uint8Array>): Promise<void> {
  const { outputFiles } = await build({
    ...ONE_SCRIPT,
    entryPoints: ['system/updater/main.ts'],
    outfile: 'updater.cjs',
    define: { 'import.meta.dirname': '__dirname' },
  });
  tree
    .add('usr/lib/perch/update/run', await source('linux/update-run'), 0o755)
    .add('usr/lib/perch/update/updater.cjs', outputFiles[0]?.contents ?? '');
  for (const unit of UPDATE_UNITS) {
    tree.add(`usr/lib/systemd/system/${unit}`, await source(`linux/systemd/${unit}`));
  }
  for (const [name, pem] of keys) {
    tree.add(`usr/share/perch/update-keys/${name}`, pem);
  }
}

async function makeDeb(
  name: 'perch' | 'perch-node' | 'perch-objects',
  architecture: Architecture | 'all',
  tree: Tree,
  scripts: readonly string[],
  { version, time, folder, packing }: DebOptions,
): Promise<string> {
  const from = `debian/${name}`;
  const date = new Date(time * 1_000).toUTCString().replace('GMT', '+0000');
  tree
    .add(`usr/share/doc/${name}/copyright`, await source(`${from}/copyright`))
    .add(`usr/share/doc/${name}/changelog.gz`, gzipSync(changelog(name, version, date), { level: 9 }))
    .add(`usr/share/lintian/overrides/${name}`, await source(`${from}/overrides`));
  const control = (await readFile(join(HERE, from, 'control'), 'utf8'))
    .replace('@VERSION@', version)
    .replace('@ARCHITECTURE@', architecture)
    .replace(/^Description:/m, `Installed-Size: ${Math.ceil(tree.bytes / 1024)}\nDescription:`);
  tree.add('DEBIAN/control', control);
  for (const script of scripts) {
    tree.add(`DEBIAN/${script}`, await source(`${from}/${script}`), 0o755);
  }
  const file = join(folder, `${name}_${version}_${architecture}.deb`);
  await inTemporaryFolder((stage) => {
    tree.write(stage, time);
    const level = packing === 'small' ? ['-Sextreme', '-z9'] : ['-z0'];
    const env = { SOURCE_DATE_EPOCH: String(time) };
    return call('dpkg-deb', ['--root-owner-group', '-Zxz', ...level, '--build', stage, file], { env });
  });
  return file;
}

const changelog = (name: string, version: string, date: string): string =>
  `${name} (${version}) stable; urgency=medium\n\n  * See CHANGELOG.md of Perch.\n\n -- The Perch developers <perch@perch.invalid>  ${date}\n`;

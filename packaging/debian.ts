import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { call } from './call.ts';
import { Tree } from './tree.ts';
import { addUpdater } from './updater.ts';

/** Units beside perch.service. */
const UNITS = [
  ...['perch-disk.path', 'perch-disk.service', 'perch-disk-back@.service'],
  ...['perch-clock.path', 'perch-clock.service'],
];
const HERE = import.meta.dirname;

/** Debian's name of an architecture, npm's, and the tool that takes the symbols out of its programs. */
export const ARCHITECTURES = {
  amd64: { npm: 'x64', strip: 'x86_64-linux-gnu-strip' },
  arm64: { npm: 'arm64', strip: 'aarch64-linux-gnu-strip' },
} as const;
export type Architecture = keyof typeof ARCHITECTURES;

export interface DebOptions {
  readonly version: string;
  /** Unix seconds: of the commit that is built. */
  readonly time: number;
  /** Where the packages are put. */
  readonly folder: string;
  /** Packed for people, who download it, or for trials, where a minute counts. */
  readonly packing: 'small' | 'quick';
  /** Public ones of whoever makes updates, by the names of their files; none: it takes no updates. */
  readonly updateKeys?: ReadonlyMap<string, Uint8Array>;
}

/** A file of this folder. */
export const source = (path: string): Promise<Buffer> => readFile(join(HERE, path));

/**
 * `perch_VERSION_all.deb`.
 * @param files what lies in /usr/lib/perch, by path: the bundle and the page
 */
export async function makePerchDeb(files: ReadonlyMap<string, Uint8Array>, options: DebOptions): Promise<string> {
  const tree = new Tree();
  for (const [path, bytes] of files) {
    tree.add(`usr/lib/perch/${path}`, bytes);
  }
  tree
    .add('usr/lib/perch/run', await source('linux/run'), 0o755)
    .add('usr/bin/perch', await source('linux/perch'), 0o755)
    .add('usr/share/perch/perch.yml', await source('linux/perch.yml'))
    .add('usr/lib/systemd/system/perch.service', await source('linux/perch.service'))
    .add('usr/lib/sysusers.d/perch.conf', await source('linux/sysusers.conf'))
    .add('usr/lib/tmpfiles.d/perch.conf', await source('linux/tmpfiles.conf'))
    .add('usr/share/doc/perch/README.md', await source('../README.md'))
    .add('usr/lib/perch/host/request', await source('linux/host-request'));
  for (const name of ['disk', 'disk-back', 'clock']) {
    tree.add(`usr/lib/perch/host/${name}`, await source(`linux/host-${name}`), 0o755);
  }
  for (const unit of UNITS) {
    tree.add(`usr/lib/systemd/system/${unit}`, await source(`linux/${unit}`));
  }
  await addUpdater(tree, options.updateKeys ?? new Map());
  return makeDeb('perch', 'all', tree, ['postinst', 'prerm', 'postrm'], options);
}

/** `perch-node_VERSION_ARCHITECTURE.deb`. @param node the program, without symbols @param license its licence */
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

async function makeDeb(
  name: 'perch' | 'perch-node',
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
  const stage = await mkdtemp(join(tmpdir(), 'perch-deb-'));
  try {
    tree.write(stage, time);
    await call(
      'dpkg-deb',
      ['--root-owner-group', '-Zxz', packing === 'small' ? '-z9' : '-z0', '--build', stage, file],
      {
        env: { SOURCE_DATE_EPOCH: String(time) },
      },
    );
  } finally {
    await rm(stage, { recursive: true });
  }
  return file;
}

const changelog = (name: string, version: string, date: string): string =>
  `${name} (${version}) stable; urgency=medium\n\n  * See CHANGELOG.md of Perch.\n\n -- The Perch developers <perch@perch.invalid>  ${date}\n`;

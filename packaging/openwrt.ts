import { join } from 'node:path';
import { transform } from 'esbuild';
import { call } from './call.ts';
import { type Architecture, type DebOptions, source } from './debian.ts';
import { perchView } from './openwrt/luci/view.ts';
import { inTemporaryFolder } from './stage.ts';
import { Tree } from './tree.ts';

const PARTS = ['view', 'fs', 'uci', 'poll'];

/**
 * LuCI's page of Perch, for routers that have LuCI. Its loader evaluates a view as the body of a function that returns a
 * class, and passes what its leading `require` strings name.
 * @param root of the tree, empty or with a final slash
 */
export async function addLuciPage(tree: Tree, root: string): Promise<Tree> {
  const folder = 'openwrt/luci';
  const types = { loader: 'ts', format: 'iife', globalName: 'perch', target: 'es2020', minify: true } as const;
  const { code } = await transform(`${await source(join(folder, 'view.ts'))}`, types);
  const needs = PARTS.map((part) => `'require ${part}';`).join('\n');
  const script = `'use strict';\n${needs}\n${code.trim()}\nreturn perch.${perchView.name}({ ${PARTS.join(', ')} });\n`;
  return tree
    .add(`${root}www/luci-static/resources/view/perch.js`, script)
    .add(`${root}usr/share/luci/menu.d/luci-app-perch.json`, await source(join(folder, 'menu.json')))
    .add(`${root}usr/share/rpcd/acl.d/luci-app-perch.json`, await source(join(folder, 'acl.json')));
}

interface Target {
  /** `uname -m` of the router. */
  readonly machine: string;
  /** opkg's name of the processor; `all`: OpenWrt has one for each kind. */
  readonly processor: string;
  /** The loader of its programs. */
  readonly loader: string;
}

/** A feed has `perch-node` for both: opkg prefers the one of its processor to that for `all`, and ignores those of others. */
export const TARGETS: Readonly<Record<Architecture, Target>> = {
  amd64: { machine: 'x86_64', processor: 'x86_64', loader: 'ld-linux-x86-64.so.2' },
  arm64: { machine: 'aarch64', processor: 'all', loader: 'ld-linux-aarch64.so.1' },
};

type Files = ReadonlyMap<string, Uint8Array>;

/** `perch_VERSION_all.ipk`. @param files contents of /usr/lib/perch by path: the bundle and the page */
export async function makePerchIpk(files: Files, options: DebOptions): Promise<string> {
  const tree = await addPerch(new Tree(), '', files);
  return makeIpk('perch', { machine: 'all', processor: 'all' }, tree, ['conffiles', 'postinst', 'prerm'], options);
}

/** `perch-node_VERSION_MACHINE.ipk`. @param runtime contents of /usr/lib/perch/node */
export async function makeNodeIpk(architecture: Architecture, runtime: Files, options: DebOptions): Promise<string> {
  const tree = addRuntime(new Tree(), '', runtime);
  return makeIpk('perch-node', TARGETS[architecture], tree, ['preinst', 'postinst', 'prerm'], options);
}

/** `perch-objects_VERSION_all.ipk`. @param files contents of /usr/lib/perch/objects by path */
export async function makeObjectsIpk(files: Files, options: DebOptions): Promise<string> {
  const tree = new Tree();
  for (const [path, bytes] of files) {
    tree.add(`usr/lib/perch/objects/${path}`, bytes);
  }
  return makeIpk('perch-objects', { machine: 'all', processor: 'all' }, tree, ['postinst', 'prerm'], options);
}

/**
 * `perch-openwrt-VERSION-MACHINE.tar.gz`: both with an installation script, for releases with another package format.
 */
export async function makeOpenwrtArchive(
  architecture: Architecture,
  files: Files,
  runtime: Files,
  options: DebOptions,
): Promise<string> {
  const { machine } = TARGETS[architecture];
  const name = `perch-openwrt-${options.version}-${machine}`;
  const install = (await source('openwrt/install.sh')).toString().replaceAll('@MACHINE@', machine);
  const tree = addRuntime(await addPerch(new Tree(), `${name}/root/`, files), `${name}/root/`, runtime);
  tree
    .add(`${name}/install.sh`, install, 0o755)
    .add(`${name}/uninstall.sh`, await source('openwrt/uninstall.sh'), 0o755);
  const file = join(options.folder, `${name}.tar.gz`);
  await inTemporaryFolder((folder) => packTree(tree, folder, file, options));
  return file;
}

/** @param root of the tree, empty or with a final slash */
async function addPerch(tree: Tree, root: string, files: Files): Promise<Tree> {
  for (const [path, bytes] of files) {
    tree.add(`${root}usr/lib/perch/${path}`, bytes);
  }
  await addLuciPage(tree, root);
  return tree
    .add(`${root}usr/lib/perch/run`, await source('linux/run'), 0o755)
    .add(`${root}usr/libexec/perch-start`, await source('openwrt/perch-start'), 0o755)
    .add(`${root}usr/bin/perch`, await source('openwrt/perch.cli'), 0o755)
    .add(`${root}usr/share/perch/perch.yml`, await source('openwrt/perch.yml'))
    .add(`${root}lib/functions/perch.sh`, await source('openwrt/perch.sh'))
    .add(`${root}lib/upgrade/keep.d/perch`, await source('openwrt/keep'))
    .add(`${root}etc/sysctl.d/30-perch.conf`, await source('linux/sysctl.conf'))
    .add(`${root}etc/config/perch`, await source('openwrt/perch.config'))
    .add(`${root}etc/init.d/perch`, await source('openwrt/perch.init'), 0o755)
    .add(`${root}etc/hotplug.d/block/95-perch`, await source('openwrt/hotplug'))
    .add(`${root}etc/hotplug.d/mount/95-perch`, await source('openwrt/hotplug'));
}

function addRuntime(tree: Tree, root: string, runtime: Files): Tree {
  for (const [path, bytes] of runtime) {
    const isProgram = path.startsWith('bin/') || path.startsWith('ld-');
    tree.add(`${root}usr/lib/perch/node/${path}`, bytes, isProgram ? 0o755 : 0o644);
  }
  return tree;
}

/** opkg rejects packages for other kinds of processors. One Node runs on all of an instruction set, which the package checks itself. */
async function makeIpk(
  name: 'perch' | 'perch-node' | 'perch-objects',
  { machine, processor }: Pick<Target, 'machine' | 'processor'>,
  tree: Tree,
  scripts: readonly string[],
  options: DebOptions,
): Promise<string> {
  const { version, folder, time } = options;
  const control = new Tree();
  for (const part of ['control', ...scripts]) {
    const text = (await source(join('openwrt', name, part)))
      .toString()
      .replaceAll('@VERSION@', version)
      .replaceAll('@MACHINE@', machine)
      .replaceAll('@PROCESSOR@', processor)
      .replaceAll('@SIZE@', String(tree.bytes));
    control.add(part, text, part === 'control' || part === 'conffiles' ? 0o644 : 0o755);
  }
  const file = join(folder, `${name}_${version}_${machine}.ipk`);
  await inTemporaryFolder(async (stage) => {
    await packTree(tree, join(stage, 'data'), join(stage, 'data.tar.gz'), options);
    await packTree(control, join(stage, 'control'), join(stage, 'control.tar.gz'), options);
    new Tree().add('debian-binary', '2.0\n').write(join(stage, 'outer'), time);
    const parts = ['-C', join(stage, 'outer'), './debian-binary', '-C', stage, './data.tar.gz', './control.tar.gz'];
    await tar(file, parts, { ...options, packing: 'quick' });
  });
  return file;
}

async function packTree(tree: Tree, folder: string, file: string, options: DebOptions): Promise<void> {
  tree.write(folder, options.time);
  await tar(file, ['-C', folder, '.'], options);
}

/** Archive for opkg and a router's tar; independent of builder, time and file order. */
async function tar(file: string, what: readonly string[], { time, packing }: DebOptions): Promise<void> {
  const plain = ['--format=gnu', '--numeric-owner', '--owner=0', '--group=0', '--mode=u=rwX,go=rX', '--sort=name'];
  const packer = `--use-compress-program=gzip -n ${packing === 'small' ? '-9' : '-1'}`;
  await call('tar', [...plain, `--mtime=@${time}`, packer, '-cf', file, ...what]);
}

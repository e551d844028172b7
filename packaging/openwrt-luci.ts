import { join } from 'node:path';
import { transform } from 'esbuild';
import { source } from './debian.ts';
import { perchView } from './openwrt/luci/view.ts';
import type { Tree } from './tree.ts';

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

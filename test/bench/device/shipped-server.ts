import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningProcess, runProcess, startProcess } from '../../peers/programs/process.ts';

const ROOT = join(import.meta.dirname, '../../..');
const INSTALLED = '/usr/lib/perch';

/** The packages of this machine. */
export interface Packages extends Disposable {
  readonly perch: string;
  readonly node: string;
}

/** @param more of the command line of `npm run packages` */
export async function makePackages(...more: readonly string[]): Promise<Packages> {
  const folder = mkdtempSync(join(tmpdir(), 'perch-packages-'));
  const script = join(ROOT, 'packaging/build.ts');
  const { code, output } = await runProcess(process.execPath, [script, '--out', folder, ...more]);
  const perch = /^\/.*\/perch_[^/\n]*\.deb$/m.exec(output)?.[0];
  const node = /^\/.*\/perch-node_[^/\n]*\.deb$/m.exec(output)?.[0];
  if (code !== 0 || perch === undefined || node === undefined) {
    rmSync(folder, { recursive: true });
    throw new Error(`the packages were not made:\n${output}`);
  }
  return { perch, node, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}

/** The contents of the packages, in a separate folder. */
export interface ShippedServer extends Disposable {
  /** As the unit starts it: with the flags of `run`, its own Node, and what has been compiled before. */
  start(dataDir: string, config: string): RunningProcess;
}

export async function unpackServer(): Promise<ShippedServer> {
  using packages = await makePackages('--quick');
  const folder = mkdtempSync(join(tmpdir(), 'perch-box-'));
  for (const file of [packages.perch, packages.node]) {
    const { code, output } = await runProcess('dpkg-deb', ['-x', file, folder]);
    if (code !== 0) {
      throw new Error(`${file} was not unpacked: ${output}`);
    }
  }
  const here = join(folder, INSTALLED);
  const run = join(here, 'run');
  writeFileSync(run, readFileSync(run, 'utf8').replaceAll(INSTALLED, here));
  chmodSync(run, 0o755);
  // A systemd unit inherits nothing: NODE_EXTRA_CA_CERTS would add certificates to memory.
  const env = {
    ...{ NODE_ENV: 'production', NODE_OPTIONS: '', NODE_EXTRA_CA_CERTS: '' },
    NODE_COMPILE_CACHE: join(folder, 'v8'),
  };
  return {
    start: (dataDir, config) => {
      const file = join(dataDir, 'perch.yml');
      writeFileSync(file, config);
      return startProcess(run, ['--data', dataDir, file], env);
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
}

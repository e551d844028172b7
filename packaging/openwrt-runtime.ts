import { mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { call } from './call.ts';
import type { Architecture } from './debian.ts';
import { TARGETS } from './openwrt.ts';
import { inTemporaryFolder } from './stage.ts';

const CACHE = join(import.meta.dirname, '../node_modules/.cache/openwrt');
/** Its folder on the router. Absolute, since the program contains the address of the loader. */
const PLACE = '/usr/lib/perch/node';
/** Libraries of Node, and the packages that contain them. */
const LIBRARIES = ['libc', 'libm', 'libdl', 'libpthread', 'libstdc++', 'libgcc_s', 'libatomic'];
const PACKAGES = ['libc6', 'libstdc++6', 'libgcc-s1', 'libatomic1'];

/**
 * Node for systems without glibc (OpenWrt has musl): with its own loader and libraries, from Debian.
 * @returns files by path below `usr/lib/perch/node` on the router; those in `bin` and the loader are programs
 */
export function openwrtRuntime(
  architecture: Architecture,
  { node, license }: { readonly node: Uint8Array; readonly license: Uint8Array },
): Promise<ReadonlyMap<string, Uint8Array>> {
  const { loader } = TARGETS[architecture];
  return inTemporaryFolder(async (folder) => {
    const root = join(folder, 'root');
    await unpackLibraries(architecture, root);
    const program = join(folder, 'node');
    await writeFile(program, node, { mode: 0o755 });
    await call('patchelf', ['--set-interpreter', `${PLACE}/${loader}`, program]);
    // DT_RPATH, not DT_RUNPATH: it also applies to the libraries' own dependencies.
    await call('patchelf', ['--force-rpath', '--set-rpath', PLACE, program]);
    const found = await readdir(root, { recursive: true });
    const files = new Map([['bin/node', await readFile(program)]]);
    for (const name of [loader, ...LIBRARIES]) {
      const file = found.find((path) => basename(path) === name || isVersionOf(name, path));
      if (file === undefined) {
        throw new Error(`Debian's packages ${PACKAGES.join(', ')} have no ${name} for ${architecture}`);
      }
      files.set(basename(file), await readFile(join(root, file)));
    }
    files.set('LICENSE.gz', gzipSync(license, { level: 9 }));
    files.set('LICENSE.libc6', await readFile(join(root, 'usr/share/doc/libc6/copyright')));
    files.set('LICENSE.gcc', await readFile(join(root, 'usr/share/doc', await gccBase(root), 'copyright')));
    return files;
  });
}

/** `libc.so.6` for `libc`, but neither `libc.so`, a text file, nor `libc.so.6.0.30`. */
const isVersionOf = (name: string, path: string): boolean =>
  basename(path).startsWith(`${name}.so.`) && /^\d+$/.test(basename(path).slice(name.length + 4));

/** The package with the licence of GCC's libraries, named after its version. */
const gccBase = (root: string): Promise<string> => readlink(join(root, 'usr/share/doc/libgcc-s1'));

/** Downloads with apt and separate lists: the machine may have another architecture. */
async function unpackLibraries(architecture: Architecture, root: string): Promise<void> {
  const cache = join(CACHE, architecture);
  await mkdir(join(cache, 'lists/partial'), { recursive: true });
  await mkdir(join(cache, 'archives/partial'), { recursive: true });
  const settings = {
    'Dir::State': cache,
    'Dir::State::status': '/dev/null',
    'Dir::Cache': cache,
    'APT::Architecture': architecture,
    'APT::Architectures': architecture,
    'Acquire::Languages': 'none',
    'APT::Sandbox::User': '',
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  // One build at a time changes the lists.
  const apt = (words: readonly string[], cwd = cache): Promise<string> =>
    call('flock', [join(cache, 'lock'), 'apt-get', '-qq', ...options, ...words], { cwd });
  await apt(['update']);
  const unpack = (packages: readonly string[]): Promise<void> =>
    inTemporaryFolder(async (debs) => {
      await apt(['download', ...packages], debs);
      for (const deb of await readdir(debs)) {
        await call('dpkg-deb', ['-x', join(debs, deb), root]);
      }
    });
  await unpack(PACKAGES);
  await unpack([await gccBase(root)]);
}

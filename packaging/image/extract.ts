import { access, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { call } from '../call.ts';

const CACHE = join(import.meta.dirname, '../../node_modules/.cache/perch-image');

/** A tar file in the cache, created if missing: Debian's archive takes minutes. */
export async function cached(name: string, make: (file: string) => Promise<unknown>): Promise<string> {
  const file = join(CACHE, name);
  const isThere = await access(file).then(
    () => true,
    () => false,
  );
  if (!isThere) {
    await mkdir(CACHE, { recursive: true });
    try {
      await make(`${file}.new`);
      await rename(`${file}.new`, file);
    } finally {
      await rm(`${file}.new`, { force: true });
    }
  }
  return file;
}

interface Extract {
  readonly name: string;
  readonly suite: string;
  readonly packages: readonly string[];
  readonly parameters?: readonly string[];
  readonly path: string;
}

/** Extracts files of arm64 packages without installing or running them. @param folder a new one */
export async function extract(
  { name, suite, packages, parameters = [], path }: Extract,
  folder: string,
): Promise<void> {
  const file = await cached(name, (made) =>
    call('mmdebstrap', [
      ...['--mode=root', '--format=tar', '--architectures=arm64', '--variant=extract'],
      ...['--components=main,non-free-firmware', '--aptopt=Apt::Install-Recommends "false"', ...parameters],
      ...[`--include=${packages.join(',')}`, suite, made],
    ]),
  );
  await mkdir(folder);
  await call('tar', ['-xf', file, '-C', folder, `./${path}`]);
}

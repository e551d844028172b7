import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { call } from './call.ts';
import { type DebOptions, source } from './debian.ts';
import { inTemporaryFolder } from './stage.ts';
import { Tree } from './tree.ts';

const ROOT = join(import.meta.dirname, '..');
const MODEL = join(ROOT, 'agent/features/objects/model');
const CACHE = join(ROOT, 'node_modules/.cache/object-model');

/** Whether these sources have the feature, whose files are no part of the packaging. */
export const hasObjects = (): boolean => existsSync(MODEL);

/**
 * Contents of /usr/lib/perch/objects by path: the model of the object detector, its runtime and their licences. npm downloads some 180 MB
 * unless an earlier build has left them.
 */
export async function objectFiles(): Promise<ReadonlyMap<string, Uint8Array>> {
  await call(process.execPath, [join(MODEL, 'fetch.ts'), CACHE]);
  const files = new Map<string, Uint8Array>([
    ['LICENSES.gz', await source('debian/perch-objects/LICENSES.gz')],
    ['model.onnx', await readFile(join(CACHE, 'model.onnx'))],
  ]);
  for (const name of (await readdir(join(CACHE, 'runtime'))).sort()) {
    files.set(`runtime/${name}`, await readFile(join(CACHE, 'runtime', name)));
  }
  return files;
}

/** `perch-objects_VERSION.tar.gz`: the same for the image and containers, where `perch objects FILE` takes it. */
export async function makeObjectsArchive(
  files: ReadonlyMap<string, Uint8Array>,
  { version, folder, time, packing }: DebOptions,
): Promise<string> {
  const tree = new Tree();
  for (const [path, bytes] of files) {
    tree.add(path, bytes);
  }
  const file = join(folder, `perch-objects_${version}.tar.gz`);
  const plain = ['--format=ustar', '--numeric-owner', '--owner=0', '--group=0', '--mode=u=rwX,go=rX', '--sort=name'];
  const packer = `--use-compress-program=gzip -n ${packing === 'small' ? '-9' : '-1'}`;
  await inTemporaryFolder(async (stage) => {
    tree.write(stage, time);
    await call('tar', [...plain, `--mtime=@${time}`, packer, '-cf', file, '-C', stage, '.']);
  });
  return file;
}

interface Locked {
  readonly name: string;
  readonly version: string;
  /** Identifier of SPDX, of the files that are taken. */
  readonly license: string;
  readonly integrity: string;
}

/** The archives that the files of `perch-objects` come from. */
export async function objectArchives(): Promise<readonly Locked[]> {
  if (!hasObjects()) {
    return [];
  }
  const { model, runtime } = JSON.parse(await readFile(join(MODEL, 'archives.json'), 'utf8')) as Record<string, Locked>;
  return [model, runtime].filter((one) => one !== undefined);
}

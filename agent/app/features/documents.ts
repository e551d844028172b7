import { systemClock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import { carryDocuments } from '../../base/files/document-carrier.ts';
import { createLogger } from '../../base/log.ts';
import { textLine } from '../../base/log-text.ts';
import type { Config } from '../../config/load/load.ts';
import { readLastStart } from '../../config/store/last-start.ts';
import type { ReadConfig } from '../../config/store/read-config.ts';
import type { CommandCall, DocumentsOptions, Feature } from '../../features/contract.ts';
import { FEATURES } from './table.ts';

/** From now on documents of the data folder are kept where the configuration says. @returns ends that @throws PerchError */
export async function openDocuments(
  options: DocumentsOptions,
  features: readonly Pick<Feature, 'documents'>[] = FEATURES,
): Promise<() => Promise<void>> {
  for (const { documents } of features) {
    const carrier = await documents?.(options);
    if (carrier) {
      const forget = carryDocuments(options.dataDir, carrier);
      return async () => {
        forget();
        await carrier.close();
      };
    }
  }
  return async () => {};
}

/** Where the configuration has documents kept, in words; undefined: in files of the data folder. */
export const documentsPlace = (
  config: Config,
  features: readonly Pick<Feature, 'documentsPlace'>[] = FEATURES,
): string | undefined =>
  features.map((feature) => feature.documentsPlace?.(config)).find((place) => place !== undefined);

/**
 * Checks that a command uses the documents of Perch's last start: Perch would not read what the command writes elsewhere.
 * @param file the configuration that was named; undefined: that of the last start
 * @throws PerchError conflict
 */
export async function checkDocumentsPlace(dataDir: string, file: string | undefined, read: ReadConfig): Promise<void> {
  const started = await readLastStart(dataDir, file);
  const place = documentsPlace(read.config);
  if (!started || started.documents === place) {
    return;
  }
  const where = (one: string | undefined) => one ?? 'files';
  const advice =
    place === undefined
      ? 'run this with the FILE.yml and the variables (PERCH_DATABASEURL) of Perch'
      : 'run this with the FILE.yml of Perch, or start Perch with this one first';
  const text = `people are in ${where(started.documents)}, and with ${read.name} this command would use ${where(place)}: ${advice}`;
  throw new PerchError('conflict', text);
}

/** Runs a command with the documents where the configuration keeps them. A configuration that cannot be read locks no owner out of files. */
export async function withDocuments<T>(call: CommandCall, work: () => Promise<T>): Promise<T> {
  const { dataDir, cwd, env, file } = call;
  const { readConfig } = await import('../../config/store/read-config.ts');
  const log = createLogger('error', (line) => void process.stderr.write(textLine(line)));
  const isInFiles = (await readLastStart(dataDir, file))?.documents === undefined;
  const read = await readConfig(file, { dataDir, cwd, env, keys: await call.keys() }).catch((error: unknown) => {
    if (!(error instanceof PerchError && isInFiles)) {
      throw error;
    }
    log.error({ cause: explain(error) }, 'the configuration cannot be read: files are used, and no database');
    return undefined;
  });
  if (read) {
    await checkDocumentsPlace(dataDir, file, read);
  }
  const close = read && (await openDocuments({ dataDir, clock: systemClock, log, config: read.config }));
  try {
    return await work();
  } finally {
    await close?.();
  }
}

import { systemClock } from '../../base/clock.ts';
import { explain, unlessExpected } from '../../base/errors.ts';
import { carryDocuments } from '../../base/files/document-carrier.ts';
import { createLogger } from '../../base/log.ts';
import { textLine } from '../../base/log-text.ts';
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

/** Runs a command with the documents where the configuration keeps them. A configuration that cannot be read locks no owner out. */
export async function withDocuments<T>(call: CommandCall, work: () => Promise<T>): Promise<T> {
  const { dataDir, cwd, env, file } = call;
  const { readConfig } = await import('../../config/store/read-config.ts');
  const log = createLogger('error', (line) => void process.stderr.write(textLine(line)));
  const read = await readConfig(file, { dataDir, cwd, env, keys: await call.keys() }).catch((error: unknown) =>
    unlessExpected(() => {
      log.error({ cause: explain(error) }, 'the configuration cannot be read: files are used, and no database');
      throw error;
    }),
  );
  const close = read && (await openDocuments({ dataDir, clock: systemClock, log, config: read.config }));
  try {
    return await work();
  } finally {
    await close?.();
  }
}

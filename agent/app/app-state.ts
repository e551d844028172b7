import { Accounts } from '../auth/accounts/accounts.ts';
import { PairedServers } from '../auth/pairing/paired-servers.ts';
import { EventBus } from '../base/event-bus.ts';
import { setLogLevel } from '../base/log.ts';
import { LOG_KEYS } from '../base/log-output.ts';
import { ownCommand } from '../base/own-command.ts';
import { pick } from '../base/pick.ts';
import type { Context } from '../config/load/context.ts';
import { notingStart } from '../config/store/last-start.ts';
import { ConfigStore } from '../config/store/store.ts';
import { type Problem, problemText } from '../config/yaml/problem.ts';
import type { AppOptions } from './app-options.ts';
import { restoreStaged } from './device/backup.ts';
import { documentsPlace, openDocuments } from './features/documents.ts';
import { FEATURES } from './features/table.ts';
import { keysOf } from './keys.ts';
import { PROTOCOLS } from './protocols.ts';

/** Configuration and data folder, read before the components start. */
export interface AppState {
  readonly store: ConfigStore;
  readonly events: EventBus;
  readonly accounts: Accounts;
  readonly pairedServers: PairedServers;
  /** Ends the connection to the database that has the documents of the data folder. */
  closeDocuments(): Promise<void>;
}

/** What all parts of the product share. */
export interface Shared extends AppOptions, AppState, Context {
  /** Resolves when the configuration of the time of the call is in force. */
  applied(): Promise<void>;
}

/** @throws PerchError without a valid configuration */
export async function openState(options: AppOptions): Promise<AppState> {
  const { dataDir, clock, log, protocols = PROTOCOLS, features = FEATURES } = options;
  await restoreStaged(
    dataDir,
    log,
    features.flatMap(({ backup = [] }) => backup),
  );
  const store = await ConfigStore.open({ ...options, keys: keysOf(protocols, features), log });
  setLogLevel(log, store.current.logLevel);
  options.output?.apply(pick(store.current, LOG_KEYS));
  for (const problem of problemsIn(store, options)) {
    log[problem.severity === 'note' ? 'debug' : problem.severity](
      { at: problemText(problem) },
      'configuration problem',
    );
  }
  const events = new EventBus(clock);
  const own = ownCommand(options.env, dataDir);
  const isClaimable = () => store.current.isOwn;
  const documents = documentsPlace(store.current, features);
  const closeDocuments = await notingStart(dataDir, { file: store.file, documents }, log, () =>
    openDocuments({ dataDir, clock, log, config: store.current }, features),
  );
  try {
    const accounts = await Accounts.open({ dataDir, clock, log, publish: events.emit, isClaimable, own });
    const pairedServers = await PairedServers.open(dataDir, clock, log);
    return { store, events, accounts, pairedServers, closeDocuments };
  } catch (error) {
    await closeDocuments();
    throw error;
  }
}

/** Problems of configuration and data folder. The container's start script says that the folder is not on a volume. */
export function problemsIn(store: ConfigStore, { env, dataDir }: AppOptions): readonly Problem[] {
  const message = `not on a volume: users, settings and recordings are deleted with the container; start it with -v perch-data:${dataDir}`;
  return env['PERCH_TEMPORARY_DATA'] === 'yes'
    ? [{ severity: 'warn', file: dataDir, key: '', message, why: 'temporary' }, ...store.problems]
    : store.problems;
}

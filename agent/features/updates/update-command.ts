import { HostRequests } from '../../../system/host-requests.ts';
import { newestVersion } from '../../../system/update/update-server.ts';
import { compareVersions } from '../../../system/update/version.ts';
import { PerchError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import type { Environment } from '../../config/load/environment.ts';
import type { Config } from '../../config/load/load.ts';
import type { ConfigKeys } from '../../config/schema/config-keys.ts';
import { settingsIn } from '../../config/schema/feature-keys.ts';
import { readConfig } from '../../config/store/read-config.ts';
import type { Host } from '../contract.ts';
import { UPDATES } from './keys.ts';
import { Updates } from './updates.ts';

interface UpdateOptions extends Pick<Host, 'version' | 'dataDir' | 'clock'> {
  /** The configuration file of the command line. */
  readonly file?: string | undefined;
  readonly cwd: string;
  readonly env: Environment;
  readonly keys: ConfigKeys;
  readonly isInstall: boolean;
  readonly write: (line: string) => void;
  /** Folder of the host services' answers; default: that of the system. */
  readonly answers?: string;
  readonly keyFolder?: string;
}

/** Reads the newest version at `updateAddress`, and installs it on request. The updater restarts Perch meanwhile. */
export async function updateHere(options: UpdateOptions): Promise<void> {
  const { version, isInstall, clock, write } = options;
  const { config } = await readConfig(options.file, options);
  const { updateAddress: address } = settingsIn(config, UPDATES);
  if (address === '') {
    throw new PerchError('unsupported', 'updateAddress is not set in the configuration');
  }
  const stop = new AbortController();
  try {
    const newest = await newestVersion({ address, clock, signal: stop.signal });
    if (compareVersions(newest, version) <= 0) {
      write(`Perch ${version} is up to date: ${address} has ${newest}`);
    } else if (isInstall) {
      write(`downloading Perch ${newest}`);
      await updatesOf(options, config, stop.signal).fetch(newest);
      write(
        `installing Perch ${newest}: it returns to ${version} unless the new one starts and records. See perch status`,
      );
    } else {
      write(`Perch ${newest} is available, this is ${version}: perch update --install installs it`);
    }
  } finally {
    stop.abort();
  }
}

/** Makes `Updates` as in the running Perch. The updater itself finds out which of the folders are being recorded to. */
function updatesOf(
  { version, dataDir, clock, answers, keyFolder }: UpdateOptions,
  config: Config,
  signal: AbortSignal,
): Updates {
  const names = [...config.paths.values()].filter(({ pattern }) => !pattern).map(({ name }) => name);
  return new Updates({
    version,
    dataDir,
    clock,
    signal,
    log: silentLogger,
    events: { emit: () => {} },
    paths: { list: () => names.map((name) => ({ name, recording: { active: true } })) },
    settings: () => config,
    host: new HostRequests({ dataDir, clock, ...(answers === undefined ? {} : { answers }) }),
    ...(keyFolder === undefined ? {} : { keyFolder }),
  });
}

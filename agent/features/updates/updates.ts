import { lookup } from 'node:dns/promises';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import type { HostAnswer, HostRequests } from '../../../system/host-requests.ts';
import { loadUpdateKeys } from '../../../system/update/keys.ts';
import { type AnyManifest, checkNewer, damaged, isSystem, MAX_UPDATE_BYTES } from '../../../system/update/manifest.ts';
import { refusal, type UpdateReason } from '../../../system/update/reasons.ts';
import { runningSystem, type System } from '../../../system/update/second-system.ts';
import { readUpdate } from '../../../system/update/update-file.ts';
import { newestVersion, releaseFileFrom, type UpdateServer, updateFrom } from '../../../system/update/update-server.ts';
import { compareVersions, isVersion } from '../../../system/update/version.ts';
import { isWatchable, MAX_FOLDERS } from '../../../system/updater/watched.ts';
import { explain, PerchError } from '../../base/errors.ts';
import type { PublishEvent } from '../../base/event-bus.ts';
import { localIpOf } from '../../base/network/ip-address.ts';
import { resolvePath } from '../../config/load/load.ts';
import { settingsIn } from '../../config/schema/feature-keys.ts';
import { parseAddress } from '../../config/values/address.ts';
import type { Host } from '../contract.ts';
import { UPDATES } from './keys.ts';
import type { NewestUpdate, UpdateControl, UpdatePlan, UpdateState } from './routes.ts';

/** Time for the service to accept the request and read the file: Node is a hundred megabytes, on a slow card. */
const TAKEN_MS = 180_000;
const POLL_MS = 2_000;
const UNDER_WAY: readonly unknown[] = ['installing', 'waiting', 'going back'];
const FILE = 'update.perchupdate';
/** Contains the id of the process that writes it: `perch update` runs next to the service. */
const UNFINISHED = /^update\.perchupdate\.(?:(\d+)\.)?new$/;

interface UpdatesDeps extends Pick<Host, 'version' | 'dataDir' | 'clock' | 'log' | 'signal' | 'settings'> {
  readonly events: { emit: PublishEvent };
  readonly paths: {
    list(): readonly { readonly name: string; readonly recording: { readonly active: boolean } | null }[];
  };
  readonly host: Pick<HostRequests, 'offers' | 'ask' | 'lastAnswer'>;
  /** Folder of keys for updates; default: that of the package. */
  readonly keyFolder?: string;
  /** Kernel command line; default: that of the running kernel. */
  readonly commandLine?: string;
  /** Address of a host name; default: the one that a server of this name listens at. */
  readonly addressOf?: (name: string) => Promise<string>;
}

/**
 * The agent's part of an update: it checks the upload and passes it to the system service, which checks it again, installs and supervises it.
 * The agent is restarted meanwhile.
 */
export class Updates implements UpdateControl {
  readonly #deps: UpdatesDeps;
  readonly #cleaned: Promise<void>;
  #isTaken = false;
  #published = '';
  #newest: string | undefined;
  /** The one of the image's two systems that runs, or undefined if U-Boot did not start it. */
  readonly #system: System | undefined;

  constructor(deps: UpdatesDeps) {
    this.#deps = deps;
    this.#system = runningSystem(deps.commandLine);
    const stop = deps.clock.every(POLL_MS, () => void this.#publishSteps());
    deps.signal.addEventListener('abort', stop, { once: true });
    this.#cleaned = this.#clean();
  }

  async state(): Promise<UpdateState> {
    const { version, host } = this.#deps;
    const answer = await host.lastAnswer('update');
    const lacking = this.#lacking();
    return {
      version,
      canInstall: lacking === undefined,
      lacking: lacking ?? null,
      system: this.#system ?? null,
      isReceiving: this.#isTaken,
      address: settingsIn(this.#deps.settings(), UPDATES).updateAddress || null,
      last: answer ? lastOf(answer) : null,
    };
  }

  async check(pieces: AsyncIterable<Uint8Array>): Promise<UpdatePlan> {
    return this.#alone(async () => planOf(await this.#read(pieces, async () => {}), this.#deps.version));
  }

  async install(pieces: AsyncIterable<Uint8Array>): Promise<UpdatePlan> {
    return this.#alone(async () => {
      this.#checkAble();
      return this.#install(await this.#keep(pieces, () => {}));
    });
  }

  /** The newest version that is known; the own one before the first `findNewest`. */
  get newest(): string {
    return this.#newest ?? this.#deps.version;
  }

  async findNewest(): Promise<NewestUpdate> {
    const version = await newestVersion(this.#server());
    const isNewer = compareVersions(version, this.#installed) > 0;
    this.#newest = isNewer ? version : undefined;
    return { version, current: this.#deps.version, isNewer };
  }

  async fetch(version: string): Promise<UpdatePlan> {
    return this.#alone(async () => {
      this.#checkAble();
      if (!isVersion(version)) {
        throw new PerchError('badInput', 'the version to download is invalid');
      }
      checkNewer({ version }, this.#installed);
      const pieces = updateFrom(this.#server(), version);
      const manifest = await this.#keep(pieces, (found) => {
        // Another version may be signed, and have a known fault.
        if (found.version !== version) {
          throw damaged(`version ${found.version} was sent instead of ${version}`);
        }
      }).finally(() => pieces.return(undefined));
      return this.#install(manifest);
    });
  }

  release(nameOf: (version: string) => string): AsyncIterable<Uint8Array> | undefined {
    const isKnown = settingsIn(this.#deps.settings(), UPDATES).updateAddress !== '';
    return isKnown ? releaseFileFrom(this.#server(), this.#installed, nameOf) : undefined;
  }

  async #install(manifest: AnyManifest): Promise<UpdatePlan> {
    const { host, signal, version, log } = this.#deps;
    log.info({ version: manifest.version, from: version }, 'installing an update');
    const answer = await host
      .ask('update', await this.#request(), TAKEN_MS, signal)
      .catch((cause) => this.#unheard(cause));
    if (!answer.ok) {
      throw new PerchError('badInput', answer.text, { why: answer['why'] });
    }
    return planOf(manifest, version);
  }

  /** An accepted request has the file open; an unaccepted one is withdrawn. */
  async #unheard(cause: unknown): Promise<never> {
    if (!this.#deps.signal.aborted) {
      await rm(join(this.#folder, FILE), { force: true });
    }
    const isLate = cause instanceof PerchError && cause.code === 'timeout';
    throw isLate ? refusal('timeout', cause.message, 'noAnswer', cause) : cause;
  }

  /** Removes leftovers of ended processes, but not a file that waits to be accepted, or whose request is about to be written. */
  async #clean(): Promise<void> {
    try {
      const names = await readdir(this.#folder).catch((): string[] => []);
      for (const name of names) {
        const unfinished = UNFINISHED.exec(name);
        const isLeft = unfinished
          ? !isOther(Number(unfinished[1] ?? 0))
          : name === FILE && !names.includes('update.json') && (await this.#isOld(name));
        if (isLeft) {
          await rm(join(this.#folder, name), { force: true });
        }
      }
    } catch (cause) {
      this.#deps.log.warn({ cause: explain(cause) }, 'removing leftovers of an update failed');
    }
  }

  async #isOld(name: string): Promise<boolean> {
    const { mtimeMs } = await stat(join(this.#folder, name));
    return Math.abs(this.#deps.clock.wallMs() - mtimeMs) > TAKEN_MS;
  }

  get #folder(): string {
    return join(this.#deps.dataDir, 'requests');
  }

  #server(): UpdateServer {
    const { clock, signal, settings } = this.#deps;
    const { updateAddress: address } = settingsIn(settings(), UPDATES);
    if (address === '') {
      throw refusal('unsupported', 'updateAddress is not set', 'noAddress');
    }
    return { address, clock, signal };
  }

  get #installed(): string {
    return this.#deps.version.replace(/^v/, '');
  }

  #checkAble(): void {
    const lacking = this.#lacking();
    if (lacking !== undefined) {
      throw refusal('unsupported', LACKING[lacking], lacking);
    }
  }

  #lacking(): keyof typeof LACKING | undefined {
    if (!this.#deps.host.offers('update')) {
      return 'noService';
    }
    return loadUpdateKeys(this.#deps.keyFolder).length === 0 ? 'noKey' : undefined;
  }

  /** One upload at a time, because there is one file for it. */
  async #alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isTaken) {
      const why: UpdateReason = 'taking';
      throw new PerchError('exhausted', 'another update is being received', { why, isBusy: true });
    }
    this.#isTaken = true;
    try {
      await this.#cleaned;
      return await work();
    } finally {
      this.#isTaken = false;
    }
  }

  #read(pieces: AsyncIterable<Uint8Array>, begin: (manifest: AnyManifest) => Promise<void>): Promise<AnyManifest> {
    const keys = loadUpdateKeys(this.#deps.keyFolder);
    return readUpdate(pieces, keys, {
      begin: async (manifest) => {
        if (isSystem(manifest) && this.#system === undefined) {
          throw refusal('unsupported', NO_SECOND_SYSTEM, 'noSecondSystem');
        }
        checkNewer(manifest, this.#installed);
        await begin(manifest);
        return manifest;
      },
      take: () => {},
    });
  }

  /** Writes the upload while it arrives, and renames it when it is complete and valid. */
  async #keep(pieces: AsyncIterable<Uint8Array>, begin: (manifest: AnyManifest) => void): Promise<AnyManifest> {
    const folder = this.#folder;
    await mkdir(folder, { recursive: true, mode: 0o750 });
    const file = join(folder, FILE);
    const temporary = `${file}.${process.pid}.new`;
    await rm(temporary, { force: true });
    const out = createWriteStream(temporary, { mode: 0o640, flush: true });
    const written = finished(out);
    written.catch(() => {});
    try {
      const manifest = await this.#read(copied(pieces, out), async (found) => {
        begin(found);
        await checkRoom(folder, found);
      });
      out.end();
      await written;
      await rename(temporary, file);
      return manifest;
    } catch (error) {
      out.destroy();
      await rm(temporary, { force: true });
      throw error;
    }
  }

  /** Criteria for a working new version: the page's port, and folders that are recorded to continuously. */
  async #request(): Promise<object> {
    const settings = this.#deps.settings();
    const { host, port = 0 } = parseAddress(settings.address) ?? {};
    const recording = this.#deps.paths.list().filter((path) => path.recording?.active === true);
    const folders = recording.flatMap(({ name }) => {
      const path = resolvePath(settings, name)?.settings;
      return path?.record === 'always' ? [recordFolder(path.recordPath, name)] : [];
    });
    const watchable = [...new Set(folders)].filter(isWatchable);
    return { host: await this.#addressOf(host), port, folders: watchable.slice(0, MAX_FOLDERS) };
  }

  async #addressOf(host: string | undefined): Promise<string> {
    const { addressOf = async (name: string) => (await lookup(name)).address } = this.#deps;
    const isName = host !== undefined && isIP(host) === 0;
    return localIpOf(isName ? await addressOf(host).catch(() => undefined) : host);
  }

  /** Publishes each step once; after a restart those of the supervised version. */
  async #publishSteps(): Promise<void> {
    const answer = await this.#deps.host.lastAnswer('update');
    const step = answer?.['state'];
    if (!answer || typeof step !== 'string') {
      return;
    }
    const key = `${answer.id} ${step}`;
    if (key !== this.#published && (UNDER_WAY.includes(step) || this.#published !== '')) {
      this.#published = key;
      const { ok, why, to } = answer;
      this.#deps.events.emit('box', { state: 'update', step, ok, ...texts({ why, version: to }) });
    }
  }
}

const LACKING = {
  noService: 'updates need the service of the Debian package, which this box does not have',
  noKey: 'the package on this box has no update key',
};

const NO_SECOND_SYSTEM =
  'this is a whole system of the image, and this box has no second one: use the update without "system" in its name';

/** Whether another process with this id runs. The own id may be that of a process before the restart of a container. */
function isOther(pid: number): boolean {
  try {
    return pid > 0 && pid !== process.pid && process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The folder of a path's recordings, up to the first part that varies with time. */
export function recordFolder(recordPath: string, name: string): string {
  const parts = recordPath.replaceAll('%path', name).split('/');
  const changing = parts.findIndex((part) => part.includes('%'));
  return parts.slice(0, changing < 0 ? -1 : changing).join('/');
}

async function* copied(
  pieces: AsyncIterable<Uint8Array>,
  out: ReturnType<typeof createWriteStream>,
): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    if (out.errored) {
      throw refusal('unavailable', 'the update cannot be written', 'notWritten', out.errored);
    }
    if (!out.write(piece)) {
      await new Promise<void>((resolve) => {
        out.once('drain', resolve).once('close', resolve);
      });
    }
    yield piece;
  }
}

/** Three copies of packages exist for a moment: upload, packages, installed. A system has a partition of its own. */
async function checkRoom(folder: string, manifest: AnyManifest): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const bytes = manifest.packages.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const needed = Math.min(MAX_UPDATE_BYTES, bytes) * (isSystem(manifest) ? 1 : 3);
  if (bavail * bsize < needed) {
    throw refusal('exhausted', `the update needs ${needed} bytes on the disk, ${bavail * bsize} are free`, 'room');
  }
}

const planOf = ({ version, made, packages }: AnyManifest, current: string): UpdatePlan => ({
  version,
  made,
  current,
  packages: packages.map(({ name, architecture, sizeBytes }) => ({ name, architecture, sizeBytes })),
});

function lastOf({ ok, text, state, why, from, to, time, percent }: HostAnswer): NonNullable<UpdateState['last']> {
  const fields = texts({ state, why, from, to, time });
  return {
    ok,
    text,
    state: fields['state'] ?? '',
    why: fields['why'] ?? null,
    from: fields['from'] ?? null,
    to: fields['to'] ?? null,
    percent: typeof percent === 'number' ? percent : null,
    // The time may be damaged on the disk.
    time: Number.isNaN(Date.parse(fields['time'] ?? '')) ? null : (fields['time'] ?? null),
  };
}

const texts = (fields: Readonly<Record<string, unknown>>): Record<string, string> =>
  Object.fromEntries(Object.entries(fields).filter((one): one is [string, string] => typeof one[1] === 'string'));

import { explain, PerchError } from '../../base/errors.ts';
import { withJoinedSignal } from '../../base/joined-signal.ts';
import { pick } from '../../base/pick.ts';
import type { Component } from '../../base/reconciler.ts';
import { HIDDEN } from '../../config/edit/json.ts';
import type { Config } from '../../config/load/load.ts';
import { settingsIn } from '../../config/schema/feature-keys.ts';
import { checkSyntax } from '../../config/schema/syntax.ts';
import { freeSpaceBytes } from '../../config/values/free-space.ts';
import type { FeatureMetric } from '../../http/metrics/device-metrics.ts';
import { STATE } from '../../playback/index/segment-row.ts';
import { loadLate } from '../../protocols/late.ts';
import type { AwaitedRecording, RecordingCopies, StoredCopies } from '../../record/store/recording-copies.ts';
import type { Host } from '../contract.ts';
import { ArchiveKeys } from './archive-keys.ts';
import { archiveSource } from './archive-source.ts';
import type { ArchiveLink, ArchiveStatus } from './copies/archive-link.ts';
import type { UploadFailure } from './copies/uploader.ts';
import { ARCHIVE, archiveFaults } from './keys.ts';
import type { ArchiveControl, ArchiveResult, ArchiveState, ArchiveTest } from './routes.ts';
import { SameDisk } from './same-disk.ts';
import { whyOf } from './storage/failure.ts';
import { isEncrypted, type TargetSettings } from './storage/settings.ts';

const PART = 'archive';
/** Time limit for a test of the target, whose steps have time-outs of their own. */
const TEST_MS = 60_000;
const TARGET_KEYS = [
  ...(['archive', 'archiveFolder', 'archiveURL', 'archiveBucket', 'archivePrefix', 'archiveRegion'] as const),
  ...(['archiveAccessKey', 'archiveSecretKey', 'archivePathStyle', 'archiveEncryption'] as const),
];
const LINK_KEYS = [...TARGET_KEYS, 'archiveMaxRateBytes', 'archiveHours'] as const;
const SYNTAX = { archiveFolder: 'folder', archiveURL: 'askedUrl', archiveBucket: 'bucket' } as const;
const MORE_SYNTAX = { archivePrefix: 'objectPrefix', archiveRegion: 'region' } as const;
const NOTHING = { files: 0, bytes: 0 };
const NOT_STARTED: Omit<ArchiveStatus, 'failure'> = {
  isOutOfHours: false,
  current: undefined,
  archived: NOTHING,
  unreadFiles: 0,
  uploaded: NOTHING,
  waiting: { ...NOTHING, oldestUs: undefined },
};
const OFF: ArchiveState = {
  state: 'off',
  error: null,
  why: null,
  since: null,
  current: null,
  waiting: { ...NOTHING, oldest: null },
  archived: NOTHING,
  warning: null,
  encryption: { isOn: false, keyId: null, isKeyNoted: false },
  unreadFiles: 0,
};

type ArchiveDeps = Pick<Host, 'dataDir' | 'clock' | 'log' | 'config' | 'settings' | 'signal' | 'recordings'>;

/** The archive while it is configured. Its code is loaded then. */
export class Archive implements ArchiveControl, RecordingCopies {
  readonly #deps: ArchiveDeps;
  #link: ArchiveLink | undefined;
  /** Why the last start of the link failed. */
  #failedStart: UploadFailure | undefined;
  #keys: Promise<ArchiveKeys> | undefined;
  /** Set once the keys have been opened. */
  #openKeys: ArchiveKeys | undefined;
  readonly #sameDisk: SameDisk;
  #isTesting = false;

  constructor(deps: ArchiveDeps) {
    this.#deps = deps;
    const { space, playback } = deps.recordings;
    const folders = () => space.list().map(({ folder }) => folder);
    this.#sameDisk = new SameDisk({ folders, clock: deps.clock });
    deps.recordings.recorders.onFinished((segment) => this.#link?.recorded(segment));
    deps.recordings.onSigned(({ path, file }) => {
      const nameUs = playback.nameUsOf(file);
      if (nameUs !== undefined) {
        this.#link?.signed({ path, nameUs }, file);
      }
    });
  }

  get #settings() {
    return settingsIn(this.#deps.config(), ARCHIVE);
  }

  get stored(): StoredCopies | undefined {
    return this.#link?.recordings;
  }

  get away(): string | undefined {
    const isKnown = this.#link?.recordings.isListed ?? this.#settings.archive === 'no';
    return isKnown ? undefined : 'the archive is not listed yet';
  }

  deletedByHand(path: string, nameUs: number, file: string): void {
    this.#link?.forget({ path, nameUs }, file);
  }

  mayAppear(path: string): boolean {
    return this.#link?.mayAppear(path) ?? false;
  }

  get status(): ArchiveState {
    const facts = this.#facts;
    return facts ? { ...archiveJson(facts), encryption: this.#encryption, warning: this.#warning } : OFF;
  }

  /** Undefined: the archive is off. */
  get #facts(): ArchiveStatus | undefined {
    const failure = this.#settings.archive === 'no' ? undefined : this.#failedStart;
    return this.#link?.status ?? (failure && { ...NOT_STARTED, failure });
  }

  get #encryption(): ArchiveState['encryption'] {
    const { id = null, isNoted = false } = this.#openKeys ?? {};
    return { isOn: isEncrypted(this.#settings), keyId: id, isKeyNoted: isNoted };
  }

  get #warning(): ArchiveState['warning'] {
    const { archive, archiveFolder } = this.#settings;
    return this.#sameDisk.isSame(archive === 'folder' ? archiveFolder : '') ? 'sameDisk' : null;
  }

  metrics(): readonly FeatureMetric[] {
    const facts = this.#facts;
    if (!facts) {
      return [];
    }
    const { waiting, archived, uploaded, failure } = facts;
    return [
      ['archive_waiting_files', 'gauge', 'Recordings that wait for the archive.', waiting.files],
      ['archive_waiting_bytes', 'gauge', 'Size of the recordings that wait for the archive.', waiting.bytes],
      ['archive_stored_bytes', 'gauge', 'Size of the recordings of this box in the archive.', archived.bytes],
      ['archive_uploaded_bytes_total', 'counter', 'Bytes sent to the archive.', uploaded.bytes],
      ['archive_failing', 'gauge', 'Whether the archive fails.', failure ? 1 : 0],
    ];
  }

  component(): Component<Config> {
    return {
      name: PART,
      isOptional: () => true,
      settings: (config) => {
        const settings = settingsIn(config, ARCHIVE);
        return settings.archive === 'no' ? undefined : pick(settings, LINK_KEYS);
      },
      start: async (config) => {
        const link = await this.#start(config);
        this.#link = link;
        this.#failedStart = undefined;
        const { copies } = this.#deps.recordings.playback;
        void copies.sync();
        return async () => {
          this.#link = undefined;
          void copies.sync();
          await link.close();
        };
      },
    };
  }

  async #start(config: Config): Promise<ArchiveLink> {
    const { clock, log, dataDir } = this.#deps;
    try {
      const part = await loadLate(PART, () => import('./copies/archive-link.ts'));
      const source = archiveSource(this.#deps);
      const settings = pick(settingsIn(config, ARCHIVE), LINK_KEYS);
      const keys = await this.#readKeys();
      if (isEncrypted(settings)) {
        await keys.makeFirst();
      }
      const { copies } = this.#deps.recordings.playback;
      return await part.ArchiveLink.start({
        settings,
        source,
        keys,
        dataDir,
        clock,
        log,
        onFound: () => copies.sync(),
        onRemoved: (path, nameUs) => copies.removed(path, nameUs),
      });
    } catch (error) {
      const sinceMs = this.#failedStart?.sinceMs ?? clock.wallMs();
      this.#failedStart = { why: whyOf(error), error: explain(error), sinceMs };
      throw error;
    }
  }

  async test(wanted: ArchiveTest): Promise<ArchiveResult> {
    const settings = this.#tested(wanted);
    if (this.#isTesting) {
      throw new PerchError('exhausted', 'another test is under way: try again in a moment', { isBusy: true });
    }
    this.#isTesting = true;
    try {
      const { testStorage } = await loadLate(PART, () => import('./copies/open-storage.ts'));
      const wallMs = () => this.#deps.clock.wallMs();
      await withJoinedSignal([this.#deps.signal], TEST_MS, ({ signal }) => testStorage(settings, wallMs, signal));
      const isSame = settings.archive === 'folder' && (await this.#sameDisk.check(settings.archiveFolder));
      return { isGood: true, error: null, why: null, warning: isSame ? 'sameDisk' : null };
    } catch (error) {
      return { isGood: false, error: explain(error), why: whyOf(error), warning: null };
    } finally {
      this.#isTesting = false;
    }
  }

  async showKey(): Promise<{ key: string; id: string }> {
    const keys = await this.#readKeys();
    return { key: keys.text(), id: keys.id ?? '' };
  }

  async keyNoted(): Promise<void> {
    await (await this.#readKeys()).noted();
  }

  async addKey(typed: string): Promise<string> {
    const id = await (await this.#readKeys()).add(typed);
    this.#link?.keyAdded();
    return id;
  }

  async #readKeys(): Promise<ArchiveKeys> {
    this.#keys ??= ArchiveKeys.open(this.#deps.dataDir, this.#deps.log);
    try {
      this.#openKeys = await this.#keys;
      return this.#openKeys;
    } catch (error) {
      this.#keys = undefined;
      throw error;
    }
  }

  /** The secret key itself is never sent, so the stored one may be tried with another server. @throws PerchError badInput */
  #tested(wanted: ArchiveTest): TargetSettings {
    const now = settingsIn(this.#deps.settings(), ARCHIVE);
    const { archiveSecretKey = HIDDEN } = wanted;
    const settings = {
      ...pick(now, LINK_KEYS),
      ...wanted,
      archiveSecretKey: archiveSecretKey === HIDDEN ? now.archiveSecretKey : archiveSecretKey,
    };
    if (settings.archive === 'no') {
      throw new PerchError('badInput', "archive is 'no': send s3 or folder");
    }
    for (const [key, syntax] of Object.entries({ ...SYNTAX, ...MORE_SYNTAX })) {
      checkSyntax(syntax, settings[key as keyof typeof SYNTAX]);
    }
    const [fault] = archiveFaults(settings);
    if (fault) {
      throw new PerchError('badInput', `${fault.key}: ${fault.message}`);
    }
    return settings;
  }

  /**
   * Whether local retention waits for the archive: never where nothing else would free the disk, nor for files that are
   * broken or were never finished. While the index is incomplete, nothing is known to be archived or broken.
   */
  isAwaited({ path, file, nameUs, newestStartUs }: AwaitedRecording): boolean {
    const config = this.#settings;
    const { playback, space } = this.#deps.recordings;
    const source = archiveSource(this.#deps);
    const isWanted = config.archive !== 'no' && source.scopeOf(path) === 'all';
    if (!isWanted || freeSpaceBytes(config.recordMinFree, 1e12) === 0) {
      return false;
    }
    if (!space.isIndexWhole) {
      return true;
    }
    const state = playback.stateOf(file);
    if (state === STATE.broken || state === STATE.growing) {
      return false;
    }
    const keptMs = source.keptMs(path);
    const isExpired = keptMs > 0 && newestStartUs / 1000 < this.#deps.clock.wallMs() - keptMs;
    return !isExpired && (this.#link?.isAwaited({ path, nameUs }, file) ?? true);
  }
}

function archiveJson(status: ArchiveStatus): Omit<ArchiveState, 'encryption' | 'warning'> {
  const { isOutOfHours, failure, waiting, archived, unreadFiles, current } = status;
  const working = current ? 'uploading' : isOutOfHours ? 'outOfHours' : 'idle';
  return {
    state: failure ? 'failing' : working,
    error: failure?.error ?? null,
    why: failure?.why ?? null,
    since: failure ? timeText(failure.sinceMs) : null,
    waiting: {
      files: waiting.files,
      bytes: waiting.bytes,
      oldest: waiting.oldestUs === undefined ? null : timeText(waiting.oldestUs / 1000),
    },
    archived,
    unreadFiles,
    current: current
      ? {
          path: current.path,
          start: timeText(current.startUs / 1000),
          bytes: current.sizeBytes,
          sentBytes: current.sentBytes,
        }
      : null,
  };
}

const timeText = (ms: number): string => new Date(ms).toISOString();

import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { silentLogger } from '../../../../agent/base/log.ts';
import { archiveSource } from '../../../../agent/features/archive/archive-source.ts';
import { ArchiveLink } from '../../../../agent/features/archive/copies/archive-link.ts';
import type { ArchiveSettings } from '../../../../agent/features/archive/storage/settings.ts';
import type { Playback } from '../../../../agent/playback/playback.ts';
import { RememberedRetention } from '../../../../agent/record/retention/remembered-retention.ts';
import type { RecordingCopies } from '../../../../agent/record/store/recording-copies.ts';
import { FakeClock } from '../../../support/base/fake-clock.ts';
import { temporaryFolder } from '../../../support/disks/recordings.ts';
import { good } from '../../../support/harness/loaded-config.ts';
import { openPlayback } from '../../../support/harness/playback.ts';
import { keyRing, SETTINGS } from './archive-harness.ts';
import { type S3Options, S3Server } from './s3-server.ts';

const CONFIG = 'perch: own\npathDefaults: { recordArchive: all }\npaths: { cam: }\n';
const STEP_MS = 1_000;
const MAX_STEPS = 4_000;

/** A bucket, and a folder. */
export const ARCHIVE_PLACES = {
  'a bucket': async () => ({ archiveURL: (await S3Server.start()).url }),
  'an encrypted bucket': async () => ({ archiveURL: (await S3Server.start()).url, archiveEncryption: 'yes' }) as const,
  'a folder': async (box: ArchivedBox) => {
    const archiveFolder = join(box.folder, 'nas');
    mkdirSync(archiveFolder);
    return { archive: 'folder', archiveFolder } as const;
  },
};

/** A box that archives the recordings below its folder and plays them. */
export class ArchivedBox {
  readonly clock = new FakeClock();
  readonly keys = keyRing();
  zone = 'UTC';
  /** Folder of all files of the box, and of its archive folder. */
  readonly folder: string;
  #dataDir: string;
  #copies = 0;
  #playback: Playback | undefined;
  #link: ArchiveLink | undefined;
  #limits: RememberedRetention | undefined;
  #isConnected = true;
  readonly #store: RecordingCopies;

  /** A box whose recordings are on its disk, and in a bucket. @param make the recordings */
  static async inBucket(make: (box: ArchivedBox) => Promise<readonly string[]>, options?: S3Options) {
    const server = await S3Server.start(options);
    const box = new ArchivedBox();
    const files = await make(box);
    await box.start({ archiveURL: server.url });
    await box.archived(files.length);
    return { server, box, files };
  }

  constructor() {
    const folder = temporaryFolder();
    onTestFinished(async () => {
      await this.stop();
      folder[Symbol.dispose]();
    });
    this.folder = folder.path;
    this.#store = this.#storeOf();
    this.#dataDir = join(folder.path, 'data');
    mkdirSync(this.#dataDir);
    mkdirSync(this.recordings);
  }

  get dataDir(): string {
    return this.#dataDir;
  }

  get recordings(): string {
    return join(this.folder, 'rec');
  }

  get playback(): Playback {
    return this.#playback as Playback;
  }

  get link(): ArchiveLink {
    return this.#link as ArchiveLink;
  }

  /** As Perch starts: the index is filled, then the archive is connected. */
  async start(settings: Partial<ArchiveSettings>, text = CONFIG): Promise<void> {
    const playback = openPlayback(this.recordings, join(this.#dataDir, 'segments.db'), this.zone);
    this.#playback = playback;
    playback.copies.add(this.#store);
    await playback.rebuild(new AbortController().signal);
    const config = good(text);
    const { clock } = this;
    const limits = new RememberedRetention({
      ...{ file: join(this.#dataDir, 'kept-for.json'), config: () => config, wallMs: () => clock.wallMs() },
      ...{ isClockTrusted: () => true, recordPaths: () => [], isSameDisk: async () => true },
    });
    await limits.load();
    limits.configured();
    await limits.close();
    this.#limits = limits;
    const settingsFor = (path: string) => limits.settingsFor(path);
    const recordings = {
      ...{ isHeldUp: false, names: () => playback.names(), playback },
      space: { isIndexWhole: true, isDateTrusted: true, protectedRanges: { all: [] }, settingsFor },
    };
    this.#link = await ArchiveLink.start({
      ...{ settings: { ...SETTINGS, ...settings }, dataDir: this.#dataDir, clock, log: silentLogger },
      keys: this.keys,
      source: archiveSource({ recordings } as unknown as Parameters<typeof archiveSource>[0]),
      onFound: () => playback.copies.sync(),
      onRemoved: (path, nameUs) => playback.copies.removed(path, nameUs),
    });
    await playback.copies.sync();
  }

  /** A camera records to this path. */
  async records(path: string): Promise<void> {
    this.#limits?.recorded(path);
    await this.#limits?.close();
  }

  /** Whether the archive is open. While it is not, it is away. */
  connect(isConnected: boolean): void {
    this.#isConnected = isConnected;
    void this.playback.copies.sync();
  }

  #storeOf(): RecordingCopies {
    const stored = () => (this.#isConnected ? this.#link?.recordings : undefined);
    return {
      get stored() {
        return stored();
      },
      get away() {
        return stored()?.isListed ? undefined : 'the archive is not listed yet';
      },
      isAwaited: () => false,
      deletedByHand: (path, nameUs, file) => this.#link?.forget({ path, nameUs }, file),
      mayAppear: (path) => this.#link?.mayAppear(path) ?? false,
    };
  }

  async stop(): Promise<void> {
    await this.#link?.close();
    await this.#playback?.close();
    this.#link = undefined;
    this.#playback = undefined;
  }

  /** Loses a file of the data folder. */
  lose(name: 'segments.db' | 'archive.db'): void {
    for (const suffix of ['', '-wal', '-shm']) {
      rmSync(join(this.#dataDir, name + suffix), { force: true });
    }
  }

  /** The data folder as a power cut would leave it now. @returns makes it the box's data folder */
  snapshot(): () => void {
    this.#copies += 1;
    const copy = join(this.folder, `data-${this.#copies}`);
    cpSync(this.#dataDir, copy, { recursive: true });
    return () => {
      this.#dataDir = copy;
    };
  }

  /** Time passes until something is true: first by the second, later in longer steps. */
  async until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
    for (let i = 0; i < MAX_STEPS; i += 1) {
      if (await isTrue()) {
        return;
      }
      await this.clock.advance(STEP_MS * Math.ceil((i + 1) / 16));
      await delay(1);
    }
    throw new Error('it did not become true');
  }

  /** Deletes recordings on the disk, as space does. */
  erase(files: readonly string[]): void {
    for (const file of files) {
      rmSync(file);
      this.playback.segmentLog.removed(file);
    }
  }

  archived(files: number): Promise<void> {
    return this.until(() => this.link.status.archived.files === files && !this.link.status.current);
  }
}

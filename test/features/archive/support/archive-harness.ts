import { createHash, randomFillSync } from 'node:crypto';
import { cpSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { silentLogger } from '../../../../agent/base/log.ts';
import { ArchiveLink } from '../../../../agent/features/archive/copies/archive-link.ts';
import type { ArchiveKeyRing } from '../../../../agent/features/archive/encryption/encrypted-storage.ts';
import { newArchiveKey } from '../../../../agent/features/archive/encryption/key-text.ts';
import type {
  ArchiveScope,
  LocalRecording,
  RecordingSource,
} from '../../../../agent/features/archive/storage/contracts.ts';
import type { ArchiveSettings } from '../../../../agent/features/archive/storage/settings.ts';
import { FakeClock } from '../../../support/base/fake-clock.ts';
import { temporaryFolder } from '../../../support/disks/recordings.ts';
import { ACCESS_KEY, BUCKET, SECRET_KEY } from './s3-server.ts';

const MIB = 1 << 20;
/** One whole object, and one of two parts. */
const SIZES = [64 << 10, 8 * MIB + 1_000] as const;
export const RECORDED_BYTES = SIZES[0] + SIZES[1];
const STEP_MS = 1_000;
const MAX_STEPS = 4_000;

export const SETTINGS: ArchiveSettings = {
  archive: 's3',
  archiveFolder: '',
  archiveURL: '',
  archiveBucket: BUCKET,
  archivePrefix: 'perch',
  archiveRegion: 'us-east-1',
  archiveAccessKey: ACCESS_KEY,
  archiveSecretKey: SECRET_KEY,
  archivePathStyle: true,
  archiveEncryption: 'auto',
  archiveMaxRateBytes: 0,
  archiveHours: '',
};

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

export function keyRing(): ArchiveKeyRing {
  const current = newArchiveKey();
  return { current, all: [current] };
}

/** A box with recordings on its disk, whose links to an archive start and end. */
export class ArchiveHarness {
  readonly clock = new FakeClock();
  readonly folder: string;
  readonly recordings: LocalRecording[] = [];
  /** Recordings that are in the index, but no longer on the disk. */
  readonly archivedOnly: LocalRecording[] = [];
  scope: ArchiveScope = 'all';
  keptMs = 0;
  protectedRanges: { readonly startUs: number; readonly endUs: number }[] = [];
  isClockTrusted = true;
  isProtectionKnown = true;
  isHeldUp = false;
  keys: ArchiveKeyRing = keyRing();
  /** Calls of `onFound`. */
  found = 0;
  factsOf = async ({ file }: LocalRecording): Promise<string | undefined> => `facts of ${file}`;
  #dataDir: string;
  #copies = 0;

  constructor() {
    const folder = temporaryFolder();
    onTestFinished(() => folder[Symbol.dispose]());
    this.folder = folder.path;
    this.#dataDir = join(folder.path, 'data');
    mkdirSync(this.#dataDir);
  }

  get dataDir(): string {
    return this.#dataDir;
  }

  /** Records files of these sizes, an hour each. */
  record(sizes: readonly number[] = SIZES, path = 'yard'): LocalRecording[] {
    const made = sizes.map((sizeBytes, i) => {
      const hours = this.recordings.length + i;
      const nameUs = (this.clock.wallMs() - 86_400_000 + hours * 3_600_000) * 1000 + 42;
      const file = join(this.folder, `${path}-${hours}.mp4`);
      writeFileSync(file, randomFillSync(Buffer.alloc(sizeBytes)));
      return { file, path, nameUs, startUs: nameUs, durationUs: 3.6e9, sizeBytes };
    });
    this.recordings.push(...made);
    return made;
  }

  async link(settings: Partial<ArchiveSettings>): Promise<ArchiveLink> {
    const link = await ArchiveLink.start({
      settings: { ...SETTINGS, ...settings },
      source: this.source,
      keys: this.keys,
      dataDir: this.#dataDir,
      clock: this.clock,
      log: silentLogger,
      onFound: async () => {
        this.found += 1;
      },
      onRemoved: () => {},
    });
    onTestFinished(() => link.close().catch(() => {}));
    return link;
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
  async until(isTrue: () => boolean): Promise<void> {
    for (let i = 0; i < MAX_STEPS; i += 1) {
      if (isTrue()) {
        return;
      }
      await this.clock.advance(STEP_MS * Math.ceil((i + 1) / 16));
      await delay(1);
    }
    throw new Error('it did not become true');
  }

  /** All recordings are archived. */
  settled(link: ArchiveLink): Promise<void> {
    return this.until(() => link.status.archived.files === this.recordings.length && !link.status.current);
  }

  get source(): RecordingSource {
    const box = this;
    return {
      isWhole: true,
      get isClockTrusted() {
        return box.isClockTrusted;
      },
      get isProtectionKnown() {
        return box.isProtectionKnown;
      },
      get isHeldUp() {
        return box.isHeldUp;
      },
      names: async () => [...new Set(this.recordings.map(({ path }) => path))],
      scopeOf: () => this.scope,
      keptMs: () => this.keptMs,
      finishedFrom: (path, fromUs, toUs, limit, after) =>
        this.recordings
          .filter((one) => one.path === path && one.startUs >= fromUs && one.startUs <= toUs)
          .filter((one) => one.startUs > (after?.startUs ?? Number.NEGATIVE_INFINITY))
          .map((one) => ({ ...one, sizeBytes: statSync(one.file, { throwIfNoEntry: false })?.size ?? one.sizeBytes }))
          .slice(0, limit),
      startsOf: (path) => [...this.recordings, ...this.archivedOnly].filter((one) => one.path === path),
      factsOf: (recording) => this.factsOf(recording),
      tableOf: async () => undefined,
      signaturesOf: async () => undefined,
      archivedFactsOf: async (name, file) => `${name}: ${(await file.stat()).size} bytes`,
      protectedOf: () => this.protectedRanges,
    };
  }
}

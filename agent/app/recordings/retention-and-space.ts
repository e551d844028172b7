import { join } from 'node:path';
import type { DateDoubt } from '../../../system/clock-plausibility.ts';
import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { freeSpaceBytes } from '../../config/values/free-space.ts';
import { type Config, resolvePath } from '../../config/load/load.ts';
import type { DiskLookup } from '../../http/api/recordings/disks.ts';
import type { ProtectedRecording, ProtectionLookup } from '../../http/api/recordings/protected.ts';
import type { SegmentRow } from '../../playback/index/segment-row.ts';
import type { Playback } from '../../playback/playback.ts';
import { formatRfc3339, requireRfc3339 } from '../../playback/read/rfc3339.ts';
import type { EventHub } from '../../record/events/event-hub.ts';
import { RecordPathPattern } from '../../record/file/record-path.ts';
import type { DiskGuard } from '../../record/recorder.ts';
import { deletePath } from '../../record/retention/delete-path.ts';
import { DeletionTrace } from '../../record/retention/deletion-trace.ts';
import { type DeletionHold, Deletions } from '../../record/retention/deletions.ts';
import { RememberedRetention } from '../../record/retention/remembered-retention.ts';
import { type ProtectedRange, ProtectedRanges } from '../../record/retention/protected-ranges.ts';
import { keepRetention } from '../../record/retention/retention.ts';
import type { SegmentAges } from '../../record/retention/segment-ages.ts';
import { diskFs, type SegmentFs } from '../../record/file/segment-fs.ts';
import type { SegmentLog } from '../../record/file/segment-log.ts';
import { KnownDisks } from '../../record/space/known-disks.ts';
import { machineDisks } from '../../record/space/disk-probe.ts';
import { type DiskEvent, type DiskStatus, Disks } from '../../record/space/disks.ts';
import { keepPathLimits, type OldestRecordings } from '../../record/space/free-space.ts';
import { snapshotsOf } from '../../record/snapshots/snapshot-files.ts';
import { zoneOffsetMs } from '../../record/file/time-zone.ts';

/** How often paths with a limit of their own are looked at, and an unreadable list of protected recordings is tried again. */
const UPKEEP_MS = 30_000;
const DAY_MS = 86_400_000;
/** A machine may have been off for so long without anybody's asking whether its date is right. */
const MAX_GAP_MS = 7 * DAY_MS;
/** What was recorded by the clock in doubt itself says nothing for it. */
const VOUCHER_BEFORE_MS = 60_000;

interface RetentionAndSpaceDeps {
  readonly config: () => Config;
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly playback: Playback;
  readonly events: EventHub;
  readonly isOpen: (file: string) => boolean;
  /** A write or a flush has been under way for long on the disk. @param device `st_dev` */
  readonly isHanging: (device: number) => boolean;
  /** What is recorded now is named later than what was recorded before. */
  readonly isClockTrusted: () => boolean;
  /** Why the date is not taken for granted. */
  readonly dateDoubt?: () => DateDoubt | undefined;
  /** Every different `recordPath` in use. */
  readonly recordPaths: () => readonly string[];
  /** What is being recorded below the folder is to be finished. */
  readonly stopRecording: (folder: string, error: string) => void;
}

/** How long recordings stay: by age, by space, protected; and how their disks are doing. */
export class RetentionAndSpace implements DiskLookup, DiskGuard {
  readonly protectedRanges: ProtectedRanges;
  readonly #deps: RetentionAndSpaceDeps;
  readonly #deletions: Deletions;
  readonly #memory: KnownDisks;
  readonly #limits: RememberedRetention;
  readonly #disks: Disks;
  readonly #index: OldestRecordings;
  /** Knows what has been recorded by this process. */
  readonly segmentLog: SegmentAges;
  #isRead = false;
  /** Of the index that knows all files; undefined: none does yet. */
  #filledGeneration: number | undefined;
  /** How far before the date that is in doubt the newest recording ends: asked once. */
  #vouched: { readonly sinceMs: number; readonly gapMs: number } | undefined;
  #upkeepMs = Number.NEGATIVE_INFINITY;

  /** @param agesOf tells on what it is told, and remembers */
  constructor(deps: RetentionAndSpaceDeps, agesOf: (log: SegmentLog) => SegmentAges) {
    const { clock, log, playback, dataDir, config } = deps;
    this.#deps = deps;
    this.segmentLog = agesOf(this.#told(playback.segmentLog));
    this.protectedRanges = new ProtectedRanges(join(dataDir, 'protected.json'), (all) =>
      playback.events.setProtected(all),
    );
    playback.addJournal({ replay: (index) => index.setProtected(this.protectedRanges.all) });
    this.#deletions = new Deletions({
      clock,
      log: this.segmentLog,
      isOpen: deps.isOpen,
      protection: this.protectedRanges,
      isClockTrusted: deps.isClockTrusted,
      dateDoubt: () => this.#dateDoubt(),
      trace: new DeletionTrace({ clock, logger: log, tell: (text) => this.#tellMachine('deleted', text) }),
      companions: async (file) => (await snapshotsOf(file)).map((still) => still.file),
      freed: (file, diskBytes) => this.#disks.freed(file, diskBytes),
      logger: log,
    });
    this.#index = this.#indexOf(playback);
    this.#memory = new KnownDisks(join(dataDir, 'disks.json'), (text) => log.warn(text));
    const probe = machineDisks(dataDir);
    this.#limits = new RememberedRetention({
      ...{ file: join(dataDir, 'kept-for.json'), config, recordPaths: deps.recordPaths },
      ...{ wallMs: () => clock.wallMs(), isClockTrusted: deps.isClockTrusted },
      isSameDisk: async (recordPath) => {
        const known = this.#memory.find(folderOf(recordPath));
        return known !== undefined && (await probe.look(folderOf(recordPath))).mark === known.id;
      },
      onFault: (text) => log.warn(text),
    });
    this.#disks = new Disks({
      clock,
      probe,
      memory: this.#memory,
      rules: {
        folders: () => this.#folders(),
        minFreeBytes: (totalBytes) => freeSpaceBytes(config().recordMinFree, totalBytes),
        needsDisk: () => config().recordNeedsDisk,
        ageLimitMs: (folder) => this.#ageLimitMs(folder),
      },
      index: this.#index,
      deletions: this.#deletions,
      stopRecording: (folder) => deps.stopRecording(folder, this.#disks.refusal(join(folder, 'any')) ?? ''),
      onEvent: (event) => this.#tell(event),
      isHanging: deps.isHanging,
      logger: log,
    });
  }

  /** The configuration has changed: what recordings go to is looked at before something is recorded. */
  async configure(): Promise<void> {
    if (!this.#isRead) {
      this.#isRead = true;
      await this.protectedRanges.load();
      await this.#memory.load();
      await this.#limits.load();
    }
    this.#limits.configured();
    await this.#disks.look();
  }

  /** The path is going to be recorded. */
  recorded(path: string): void {
    this.#limits.recorded(path);
  }

  /** Brings the index in step with all files: before, nothing is deleted for space. */
  async fillIndex(signal: AbortSignal): Promise<void> {
    const { playback } = this.#deps;
    await playback.rebuild(signal);
    if (!signal.aborted) {
      this.#filledGeneration = playback.indexGeneration;
      this.#upkeepMs = Number.NEGATIVE_INFINITY;
    }
  }

  /** Keeps disks from filling up until `signal` aborts. */
  keep(signal: AbortSignal): Promise<void> {
    return this.#disks.keep((end) => this.#upkeep(end), signal);
  }

  /** Deletes by age until `signal` aborts. */
  keepAges(signal: AbortSignal): Promise<void> {
    const { clock, log, playback } = this.#deps;
    const ageMs = (file: string) => this.segmentLog.ageMs(file);
    const labelUs = (file: string) => playback.startUsOf(file);
    const isDated = (file: string) => playback.isDated(file);
    const deletions = this.#deletions;
    return keepRetention(this.#limits, { clock, deletions, ageMs, labelUs, isDated, logger: log }, signal);
  }

  /** How long what is known of a path is kept: as long as its recordings; undefined: for ever. */
  keptMs(path: string): number | undefined {
    return this.#limits.keptMs(path);
  }

  /** How long recordings of a path that is not configured any more are kept; 0: for ever; undefined: that is not known. */
  lastChosenMs(path: string): number | undefined {
    return this.#limits.lastChosenMs(path);
  }

  /** What is remembered is written. */
  close(): Promise<void> {
    return this.#limits.close();
  }

  refusal(file: string): string | undefined {
    return this.#disks.refusal(file);
  }

  failed(file: string, code: string): void {
    this.#disks.failed(file, code);
  }

  /** Makes recordings, and none on the wrong disk. */
  get fs(): SegmentFs {
    return this.#disks.guarded(diskFs);
  }

  /** Why a recording cannot be deleted by hand. */
  keptBecause(path: string, startUs: number, durationUs: number): string | undefined {
    const { fault } = this.protectedRanges;
    if (fault !== undefined) {
      return `cannot be deleted: ${fault}`;
    }
    const endUs = startUs + durationUs;
    if (!this.protectedRanges.isProtected(path, startUs, endUs)) {
      return undefined;
    }
    const range = this.protectedRanges.all.find(
      (one) => one.path === path && one.startUs < endUs && one.endUs > startUs,
    );
    return range ? `is protected: DELETE /v3/recordings/protect/${range.id} ends that` : 'is protected';
  }

  /** Deletes what is meant of a path's recordings, but those that are protected or being written. @throws PerchError notFound */
  async deletePath(path: string, isMeant?: (file: string) => boolean): Promise<object> {
    const { playback } = this.#deps;
    // Brings the index in step with the path's files.
    const known = await playback.segments(path);
    if (!known) {
      throw new PerchError('notFound', `path '${path.slice(0, 240)}' is not configured and has no recordings`);
    }
    playback.requireAvailable(path);
    const { files, diskBytes, kept, keptFiles } = await deletePath({
      ...{ deletions: this.#deletions, isMeant },
      rows: (limit, after) => playback.space.allOf(path, limit, after as SegmentRow | undefined),
      keptBecause: ({ startUs, durationUs }) => this.keptBecause(path, startUs, durationUs),
      tops: this.#folders(),
    });
    const items = kept.map(({ startUs, because }) => ({ start: playback.localTime(startUs), reason: because }));
    return { deleted: files, bytes: diskBytes, kept: keptFiles, items };
  }

  list(): (DiskStatus & { readonly deletionsHeld: string | null; readonly deletionsHeldWhy: DeletionHold | null })[] {
    const deletionsHeld = this.#deletions.ageHold ?? null;
    const deletionsHeldWhy = this.#deletions.ageHoldWord ?? null;
    return this.#disks.list().map((disk) => ({ ...disk, deletionsHeld, deletionsHeldWhy }));
  }

  /** `st_dev` of the disk that a folder of recordings is on. */
  deviceOf(folder: string): number | undefined {
    return this.#disks.deviceOf(folder);
  }

  accept(folder: string): Promise<boolean> {
    return this.#disks.accept(folder);
  }

  get protection(): ProtectionLookup {
    return {
      list: () => this.protectedRanges.all.map(shown),
      protect: async ({ path, start, end, note }) => {
        const isKnown = this.#settingsOf(path) !== undefined || this.#deps.playback.space.bytesOf(path).files > 0;
        if (!isKnown) {
          throw new PerchError('badInput', `path '${path.slice(0, 240)}' is not configured and has no recordings`);
        }
        const range = { path, startUs: requireRfc3339('start', start).us, endUs: requireRfc3339('end', end).us, note };
        return shown(await this.protectedRanges.add(range));
      },
      unprotect: (id) => this.protectedRanges.remove(id),
    };
  }

  /** Only a whole index knows which recordings are the oldest. */
  #indexOf(playback: Playback): OldestRecordings {
    const isWhole = () =>
      this.#filledGeneration === playback.indexGeneration && playback.indexProgress.state === 'ready';
    return {
      get isWhole() {
        return isWhole();
      },
      oldestOwn: (folder, limit, after) => playback.space.oldestOwn(folder, limit, after as SegmentRow | undefined),
      oldestOwnOf: (path, limit, after) => playback.space.oldestOwnOf(path, limit, after as SegmentRow | undefined),
      bytesOf: (path) => playback.space.bytesOf(path),
    };
  }

  /** Tells the disks of what is begun, on its way to others. */
  #told(log: SegmentLog): SegmentLog {
    return {
      opened: (segment) => {
        this.#disks.opened(segment.file);
        log.opened(segment);
      },
      finished: (segment) => log.finished(segment),
      removed: (file) => log.removed(file),
    };
  }

  async #upkeep(signal: AbortSignal): Promise<void> {
    const { clock, playback } = this.#deps;
    if (clock.monoMs() - this.#upkeepMs < UPKEEP_MS) {
      return;
    }
    this.#upkeepMs = clock.monoMs();
    if (this.protectedRanges.fault !== undefined) {
      await this.protectedRanges.load();
    }
    if (this.#filledGeneration !== undefined && this.#filledGeneration !== playback.indexGeneration) {
      await this.fillIndex(signal);
    }
    const { pathDefaults, paths } = this.#deps.config();
    const hasLimits = [pathDefaults, ...[...paths.values()].map((entry) => entry.settings)].some(
      (settings) => settings && settings.recordMaxSizeBytes > 0,
    );
    if (hasLimits && this.#index.isWhole) {
      const limits = (await playback.names()).flatMap((name): [string, number][] => {
        const maxBytes = this.#limits.settingsFor(name)?.recordMaxSizeBytes ?? 0;
        return maxBytes > 0 ? [[name, maxBytes]] : [];
      });
      const folders = this.#folders();
      await keepPathLimits({ limits: () => limits }, this.#index, folders, this.#deletions, signal);
    }
  }

  #tell({ state, text, folders }: DiskEvent): void {
    this.#tellMachine('disk', `${state}: ${folders.join(', ')}: ${text}`);
  }

  #tellMachine(type: 'disk' | 'deleted', text: string): void {
    this.#deps.events
      .add({ path: '', type, source: 'perch', text: text.slice(0, 500) })
      .catch((error: unknown) => this.#deps.log.warn({ cause: explain(error), type }, 'cannot tell of the recordings'));
  }

  /**
   * Why nothing is old by the date. One of which nothing is remembered is vouched for by the newest recording from before it,
   * if that is not long ago.
   */
  #dateDoubt(): string | undefined {
    const doubt = this.#deps.dateDoubt?.();
    if (doubt?.kind !== 'new') {
      return doubt && doubtText(doubt.jumpMs, doubt.kind, 'the last one that was believed');
    }
    if (this.#filledGeneration === undefined) {
      return undefined;
    }
    const { sinceMs } = doubt;
    if (this.#vouched?.sinceMs !== sinceMs) {
      const lastUs = this.#deps.playback.space.lastEndUs((sinceMs - VOUCHER_BEFORE_MS) * 1000);
      this.#vouched = { sinceMs, gapMs: lastUs === undefined ? 0 : sinceMs - lastUs / 1000 };
    }
    const { gapMs } = this.#vouched;
    return gapMs > MAX_GAP_MS ? doubtText(gapMs, 'ahead', 'the newest recording') : undefined;
  }

  #folders(): string[] {
    return [...new Set(this.#deps.recordPaths().map(folderOf))];
  }

  /** The longest age of what is recorded there, when all of it is deleted by its age. */
  #ageLimitMs(folder: string): number | undefined {
    const here = [...this.#deps.config().paths.values()].flatMap(({ settings }) =>
      settings && settings.record !== 'no' && folderOf(settings.recordPath) === folder
        ? [settings.recordDeleteAfterMs]
        : [],
    );
    return here.length === 0 || here.includes(0) ? undefined : Math.max(...here);
  }

  #settingsOf(name: string) {
    return resolvePath(this.#deps.config(), name)?.settings;
  }
}

/** The deepest folder that all recordings of a template share. */
const folderOf = (recordPath: string): string => new RecordPathPattern(recordPath, undefined).folder;

const doubtText = (jumpMs: number, kind: 'ahead' | 'behind', of: string): string =>
  `the date is ${Math.round(jumpMs / DAY_MS)} days ${kind === 'ahead' ? 'after' : 'before'} ${of} and nothing confirms it: ` +
  'set the clock from the network (NTP), or if it is right create the file /run/perch-clock-set; ' +
  'otherwise it is believed when Perch has run for 24 h';

function shown({ id, path, startUs, endUs, note }: ProtectedRange): ProtectedRecording {
  const text = (us: number) => formatRfc3339({ us, offsetMs: zoneOffsetMs(Math.floor(us / 1000), undefined) });
  return { id, path, start: text(startUs), end: text(endUs), note };
}
